package ipc

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/shmchan/shmchan/shm"
)

// Errors that a caller decides by; compare with errors.Is. Every error that
// this package returns names the operation and the channel and wraps one of
// these, an fs, os or context error, or a *CorruptError.
var (
	// ErrFull: TrySend found no room.
	ErrFull = shm.ErrFull
	// ErrEmpty: TryRecv found no message, but one may still come.
	ErrEmpty = shm.ErrEmpty
	// ErrDisconnected: the other end has gone for good, and for a receiver
	// everything that was sent has been received.
	ErrDisconnected = errors.New("disconnected")
	// ErrRemoved: the channel was removed, or its file has lost its name, under a
	// receiver that waited for more. It is also fs.ErrNotExist.
	ErrRemoved = fmt.Errorf("the channel was removed: %w", fs.ErrNotExist)
	// ErrClosed: this end was closed by its own user, or this claim is over.
	ErrClosed = errors.New("closed")
	// ErrTooLarge: the message is larger than half the channel's capacity.
	ErrTooLarge = shm.ErrTooLarge
	// ErrBusy: the channel has a receiver, an end is alive, a second goroutine
	// uses the Receiver, or a claim is open.
	ErrBusy = shm.ErrBusy
	// ErrNoSlot: every sender slot belongs to a sender that is alive.
	ErrNoSlot = shm.ErrNoSlot
	// ErrIncompatible: the file is not a channel, or one of another version,
	// byte order, boot or element type.
	ErrIncompatible = shm.ErrIncompatible
)

// CorruptError says what in a channel's file no correct end would have written.
type CorruptError = shm.CorruptError
