package ipc

import (
	"io/fs"
	"time"
)

// Options tune a channel and its ends. A nil *Options and every zero field mean
// the default. The fields marked "whoever creates" count only for the end that
// makes the channel; everybody else takes what is there.
type Options struct {
	// Dir is where plain names live; default $SHMCHAN_DIR, else
	// /dev/shm/shmchan-<uid>. It is made, 0700, if it is missing. It must belong to
	// the caller or root, and nobody else may write to it, but for a sticky one such
	// as /tmp, or with a Mode that lets the group write.
	Dir string
	// Capacity is the ring's size in bytes, rounded up to a power of two, from
	// 4 KiB to 4 GiB; default 1 MiB (whoever creates).
	Capacity int
	// MaxSenders is the number of sender slots, 1 to 4096; default 256 (whoever
	// creates).
	MaxSenders int
	// Mode is the file's mode, exact whatever the umask; default 0600. The owner
	// must be able to read and write (whoever creates). With a Mode that lets the
	// group write, such as 0660, an end shares the channel with a group: it also
	// takes a directory of another user's that a group of the caller's may write to
	// and others may not, and in it the files that this group may read and write
	// (every end).
	Mode fs.FileMode
	// Durable makes a channel that outlives its receiver: senders wait for the
	// next one, and unread messages stay (whoever creates).
	Durable bool
	// Create lets NewSender make the channel if it is missing.
	Create bool
	// Wait lets NewSender wait, until its context is done, for the channel to
	// exist.
	Wait bool
	// KeepOpen lets a Receiver with no sender left wait for the next one instead
	// of giving ErrDisconnected.
	KeepOpen bool
	// Heartbeat is the interval of this end's beats and the longest that it
	// sleeps without looking, 1 ms to 1 minute; default 100 ms.
	Heartbeat time.Duration
	// Spin is how long to busy-wait before sleeping. 0 adapts to what paid
	// lately; negative never spins.
	Spin time.Duration
	// Label is shown by stat; at most 48 bytes of printable UTF-8.
	Label string
}
