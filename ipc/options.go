package ipc

import (
	"io/fs"
	"time"
)

// Options configure a channel and its endpoints. A nil *Options, or a zero field,
// means the default. An endpoint that joins an existing channel ignores the fields
// marked "creator only".
type Options struct {
	// Dir is the directory of channels with plain names; default $SHMCHAN_DIR, or
	// else /dev/shm/shmchan-<uid>. A missing one is made, with mode 0700. It must
	// belong to the caller or to root, and no other user may write to it, unless it
	// is sticky, as /tmp is, or Mode lets the group write.
	Dir string
	// Capacity is the ring's size in bytes, rounded up to a power of two, from 4 KiB
	// to 4 GiB; default 1 MiB (creator only).
	Capacity int
	// MaxSenders is the number of sender slots, from 1 to 4096; default 256 (creator
	// only).
	MaxSenders int
	// Mode is the file's mode, regardless of the umask; default 0600. The owner must
	// be able to read and write (creator only). With a Mode that lets the group
	// write, such as 0660, any endpoint also accepts another user's directory, if a
	// group of the caller's may write to it and others may not, and in it the files
	// that this group may read and write.
	Mode fs.FileMode
	// Durable makes a channel outlive its receiver: senders wait for the next
	// receiver, and unread messages stay (creator only).
	Durable bool
	// Create makes NewSender create the channel if it is missing.
	Create bool
	// Wait makes NewSender wait for the channel to exist, until its context is done.
	Wait bool
	// KeepOpen makes a Receiver without senders wait for the next one instead of
	// returning ErrDisconnected.
	KeepOpen bool
	// Heartbeat is the interval between this endpoint's beats, and the longest time
	// that it sleeps between checks, from 1 ms to 1 minute; default 100 ms.
	Heartbeat time.Duration
	// Spin is how long to busy-wait before sleeping. 0 adapts to the success of
	// recent waits; a negative value disables spinning.
	Spin time.Duration
	// Label is a text that stat shows, at most 48 bytes of printable UTF-8.
	Label string
}
