package ipc

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/shmchan/shmchan/shm"
)

// Errors to be compared with errors.Is. Every error that this package returns names
// the operation and the channel, and wraps one of these, an error of fs, os or
// context, or a *CorruptError.
var (
	// ErrFull: TrySend found no room.
	ErrFull = shm.ErrFull
	// ErrEmpty: TryRecv found no message, but one may still arrive.
	ErrEmpty = shm.ErrEmpty
	// ErrDisconnected: the receiver, or the last sender, has gone for good. A
	// receiver gets it after it has received everything that was sent.
	ErrDisconnected = errors.New("disconnected")
	// ErrRemoved: the channel was removed, or its file has lost its name, while a
	// receiver waited for more. It is also fs.ErrNotExist.
	ErrRemoved = fmt.Errorf("the channel was removed: %w", fs.ErrNotExist)
	// ErrClosed: the Sender or Receiver was closed by its own process, or the claim
	// is over.
	ErrClosed = errors.New("closed")
	// ErrTooLarge: the message is larger than half the channel's capacity.
	ErrTooLarge = shm.ErrTooLarge
	// ErrBusy: the channel already has a receiver, an endpoint is alive, a second
	// goroutine uses the Receiver, or a claim is open.
	ErrBusy = shm.ErrBusy
	// ErrNoSlot: every sender slot belongs to a live sender.
	ErrNoSlot = shm.ErrNoSlot
	// ErrIncompatible: the file is not a channel, or is a channel of another
	// version, byte order, boot or element type.
	ErrIncompatible = shm.ErrIncompatible
)

// CorruptError describes content of a channel's file that no correct program writes.
// It is a struct of these fields:
//
//	Path   string // the file
//	Offset int64  // byte offset in the file, or -1 if there is none to name
//	Field  string // the word, for example "header.capacity"
//	Value  uint64 // what stood there
//	Reason string // what a correct program writes
type CorruptError = shm.CorruptError
