package frame

import (
	"errors"
	"fmt"
)

var (
	// ErrFrame reports that a frame cannot carry a message, or that a stream is not
	// valid in its frame. Every *RefusedError and *StreamError matches it.
	ErrFrame = errors.New("does not fit the frame")
	// ErrTooLarge reports that a stream contains a message above the Decoder's limit.
	ErrTooLarge = errors.New("message too large")
)

// RefusedError reports that a frame cannot carry a message.
type RefusedError struct {
	Kind   Kind
	Reason string // what about the message does not fit
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the message %s, which --frame %s cannot carry", e.Reason, e.Kind)
}

// Is makes errors.Is(err, ErrFrame) true.
func (e *RefusedError) Is(target error) bool { return target == ErrFrame }

// StreamError reports where a stream is not valid in its frame. The messages before
// that place are valid.
type StreamError struct {
	Kind   Kind
	Number int64  // of the message in the stream, from 1; for line and json the line
	Offset int64  // of the message in the stream, its framing included
	Reason string // what is wrong with it
	Err    error  // ErrTooLarge, or nil
}

func (e *StreamError) Error() string {
	return fmt.Sprintf("%s %d, at byte %d, %s", frames[e.Kind].unit, e.Number, e.Offset, e.Reason)
}

// Unwrap returns the cause, which may be nil.
func (e *StreamError) Unwrap() error { return e.Err }

// Is makes errors.Is(err, ErrFrame) true.
func (e *StreamError) Is(target error) bool { return target == ErrFrame }
