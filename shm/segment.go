package shm

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/edsrzf/mmap-go"

	"github.com/shmchan/shmchan/internal/busguard"
)

// Segment is one open of a channel's file: a descriptor, which holds the locks of
// the endpoints that use it, and a mapping, which clones of the Segment share. Its
// methods are safe for concurrent use, except for Close.
type Segment struct {
	place     Place
	fd        int
	dev, ino  uint64
	mode      uint32
	temp      string // the temporary name before Publish, if there is one
	readOnly  bool
	ambiguous bool
	root      rootID // the root directory when the file was opened
	unmapped  bool   // this segment no longer uses its view
	before    uint64 // senders ever attached when LockReceiver succeeded
	head      header // the checked copy
	view      *view
	ring      *Ring
}

// view is a mapping, with the number of segments that use it and what they know
// about the owners of its slots. Its guard keeps a missing page (of a truncated
// file, or on a full disk) from killing the process.
type view struct {
	mem    mmap.MMap
	guard  busguard.Guard
	refs   atomic.Int32
	owners owners

	diagnose sync.Once // finds out why the guard is broken
	reason   error     // why
}

func (v *view) drop() error {
	if v.refs.Add(-1) > 0 {
		return nil
	}
	v.guard.Remove()
	return v.mem.Unmap()
}

// rootID identifies a root directory: a path no longer means the same to a process
// that has changed its root since.
type rootID struct{ dev, ino uint64 }

// FileState describes the open file.
type FileState struct {
	Linked bool          // the file has a name, perhaps not the one that it was opened by
	Age    time.Duration // since the older of its last access and modification
}

// Place returns the place at which the file was opened.
func (s *Segment) Place() Place { return s.place }

// Path returns the file's path, as it was opened.
func (s *Segment) Path() string { return s.place.Path() }

// Ambiguous reports whether the file had several names when it was opened, of which
// another user may have made this one (Place.AnyName). It may then belong to another
// channel, so the name may be removed, but nothing else may be done.
func (s *Segment) Ambiguous() bool { return s.ambiguous }

// Ring returns the ring. If the segment is read-only, the ring serves only Peek and
// the counters.
func (s *Segment) Ring() *Ring { return s.ring }

// Durable reports whether the channel outlives its receiver.
func (s *Segment) Durable() bool { return s.head.flags&flagDurable != 0 }

// Mode returns the file's permission bits.
func (s *Segment) Mode() uint32 { return s.mode }

// Created returns when the segment was made.
func (s *Segment) Created() time.Time { return time.Unix(0, s.head.created) }

// Broken reports whether the mapping is broken: the kernel had no page for a part of
// it that was touched, because the file was truncated or its file system had no room
// to write. Since then all of the mapping is private memory, so what was read may be
// zeroes and what was written is lost. Call it after using the ring. It is one load.
func (s *Segment) Broken() bool { return s.view.guard.Broken() }

// Guard returns the guard that Broken queries, for callers that query often.
func (s *Segment) Guard() busguard.Guard { return s.view.guard }

// The bytes whose locks belong to the endpoints and to the remover.
const receiverByte = 0

func senderByte(slot int) int64 { return 1 + int64(slot) }

// removerByte is locked by a process that removes the file's name, while it checks
// that the name still means this file and unlinks it.
func (s *Segment) removerByte() int64 { return 1 + int64(s.head.maxSenders) }

// Size returns the size of the file in bytes.
func (s *Segment) Size() uint64 { return s.head.fileSize }

// SetElementType marks the channel as one whose elements have this layout, unless it
// is marked already, and returns the mark that stands there.
func (s *Segment) SetElementType(fingerprint uint64) uint64 {
	w := &s.ring.ctl.elementType
	if w.CompareAndSwap(0, fingerprint) {
		return fingerprint
	}
	return w.Load()
}
