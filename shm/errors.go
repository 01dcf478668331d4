package shm

import (
	"errors"
	"fmt"
)

// Sentinels for decisions that a caller makes; compare with errors.Is.
var (
	ErrFull         = errors.New("ring is full")
	ErrEmpty        = errors.New("ring is empty")
	ErrTooLarge     = errors.New("message is larger than half the ring's capacity")
	ErrBusy         = errors.New("busy")
	ErrNoSlot       = errors.New("no sender slot is free")
	ErrIncompatible = errors.New("incompatible segment")
)

// CorruptError reports that a segment holds something that no correct endpoint
// writes. It names the place, where nothing was changed.
type CorruptError struct {
	Path   string // the file, or "" for a ring on the heap
	Offset int64  // byte offset in the file, or -1 if there is none
	Field  string // the word in question, for example "header.capacity"
	Value  uint64 // what was found there
	Reason string // what a correct endpoint would have written
}

func (e *CorruptError) Error() string {
	where := e.Path
	if where == "" {
		where = "ring"
	}
	return fmt.Sprintf("%s: corrupt: %s at offset %d is %#x: %s", where, e.Field, e.Offset, e.Value, e.Reason)
}
