// Package frame cuts a stream of bytes into messages and joins messages into
// one. Five frames, for both directions:
//
//	line  message bytes | \n              (the last \n may be missing)
//	nul   message bytes | NUL             (the last NUL may be missing)
//	len   length u32 big-endian | message bytes
//	raw   message bytes                   (the whole stream is one message)
//	json  {"seq":1,"sender":0,"pid":42,"data":"text"} | \n
//	      {"seq":2,"sender":0,"pid":42,"data_b64":"/w=="} | \n
//
// What [Kind.Append] writes, a [Decoder] of the same frame reads back as exactly
// the same messages; what a frame cannot carry, Append refuses. (raw is the
// exception that its rule makes: it puts nothing between two messages.)
package frame

import (
	"errors"
	"fmt"
)

// Kind is one of the five frames. The zero Kind is Line.
type Kind uint8

const (
	Line Kind = iota // ended by \n
	Nul              // ended by NUL
	Len              // headed by a 4-byte big-endian length
	Raw              // the stream to its end is one message
	JSON             // a line of JSON each
)

var kindNames = [...]string{Line: "line", Nul: "nul", Len: "len", Raw: "raw", JSON: "json"}

// Names lists the frames as Parse takes them.
func Names() []string { return append([]string(nil), kindNames[:]...) }

// Parse returns the frame of that name.
func Parse(name string) (Kind, error) {
	for k, n := range kindNames {
		if n == name {
			return Kind(k), nil
		}
	}
	return 0, fmt.Errorf("unknown frame %q: want line, nul, len, raw or json", name)
}

// String returns the frame's name.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("frame(%d)", uint8(k))
}

// unit is what an error calls one message's share of a stream.
func (k Kind) unit() string {
	switch k {
	case Line, JSON:
		return "line"
	case Len:
		return "frame"
	}
	return "message"
}

var (
	// ErrFrame: a message does not fit the frame, or a stream is not of it. Every
	// *RefusedError and *StreamError is one.
	ErrFrame = errors.New("does not fit the frame")
	// ErrTooLarge: the stream holds a message above the Decoder's limit.
	ErrTooLarge = errors.New("message too large")
)

// RefusedError says why a frame cannot carry a message.
type RefusedError struct {
	Kind   Kind
	Reason string // what about the message does not fit
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the message %s, which --frame %s cannot carry", e.Reason, e.Kind)
}

// Is makes errors.Is(err, ErrFrame) true.
func (e *RefusedError) Is(target error) bool { return target == ErrFrame }

// StreamError says where in a stream a message could not be cut, and why. All
// the messages before it are good.
type StreamError struct {
	Kind   Kind
	Number int64  // of the message in the stream, from 1; for line and json the line
	Offset int64  // of its first byte in the stream, its header included
	Reason string // what is wrong with it
	Err    error  // ErrTooLarge, or what the reader said; may be nil
}

func (e *StreamError) Error() string {
	return fmt.Sprintf("%s %d, at byte %d, %s", e.Kind.unit(), e.Number, e.Offset, e.Reason)
}

// Unwrap returns the cause, which may be nil.
func (e *StreamError) Unwrap() error { return e.Err }

// Is makes errors.Is(err, ErrFrame) true.
func (e *StreamError) Is(target error) bool { return target == ErrFrame }
