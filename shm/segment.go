package shm

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/edsrzf/mmap-go"

	"github.com/shmchan/shmchan/internal/busguard"
)

// Segment is one open of a channel's file: a descriptor, whose locks are those
// of the ends that use it, and a mapping, which clones of it share. Its methods
// are safe for concurrent use, but for Close.
type Segment struct {
	place     Place
	fd        int
	dev, ino  uint64
	mode      uint32
	temp      string // the temporary name of one that is not published, if it has one
	readOnly  bool
	ambiguous bool
	root      rootID // what / was when the file was opened
	unmapped  bool   // this segment uses its view no more
	before    uint64 // senders that had attached when LockReceiver succeeded
	head      header // a copy, as it was when checked
	view      *view
	ring      *Ring
}

// view is a mapping with the number of segments that use it, and what they found
// out about the owners of its slots. Its guard keeps a page that is missing, of a
// file that was truncated or of a disk that is full, from killing the process.
type view struct {
	mem    mmap.MMap
	guard  busguard.Guard
	refs   atomic.Int32
	owners owners

	look sync.Once // finds out why the guard is broken
	lost error     // the reason
}

func (v *view) drop() error {
	if v.refs.Add(-1) > 0 {
		return nil
	}
	v.guard.Remove()
	return v.mem.Unmap()
}

// rootID tells one root directory from another: a path means nothing to a process
// that has changed its own since.
type rootID struct{ dev, ino uint64 }

// FileState is what a stat of the open file tells.
type FileState struct {
	Linked bool          // it has a name, perhaps not the one that it was opened by
	Age    time.Duration // since the older of its last access and modification
}

// Place returns where the file was opened.
func (s *Segment) Place() Place { return s.place }

// Path returns the file's path, as it was opened.
func (s *Segment) Path() string { return s.place.Path() }

// Ambiguous reports whether the file had several names when it was opened, of
// which another user may have made this one (Place.AnyName): it may be another
// channel's, so nothing must be done but to take the name away.
func (s *Segment) Ambiguous() bool { return s.ambiguous }

// Ring returns the ring. That of a segment opened read-only is there to be looked
// at: by Peek, and for its counters.
func (s *Segment) Ring() *Ring { return s.ring }

// Durable reports whether the channel outlives its receiver.
func (s *Segment) Durable() bool { return s.head.flags&flagDurable != 0 }

// Mode returns the file's permission bits.
func (s *Segment) Mode() uint32 { return s.mode }

// Created returns when the segment was made.
func (s *Segment) Created() time.Time { return time.Unix(0, s.head.created) }

// Broken reports whether the kernel had no page for a part of the mapping that was
// touched, because the file was truncated or its file system found no room to
// write: all of the mapping is private memory since, so what was read may be
// zeroes and what was written is lost. Look after using the ring. It is one load.
func (s *Segment) Broken() bool { return s.view.guard.Broken() }

// Guard is what Broken asks, for those who ask often.
func (s *Segment) Guard() busguard.Guard { return s.view.guard }

// The bytes whose locks are the ends' and the remover's.
const receiverByte = 0

func senderByte(slot int) int64 { return 1 + int64(slot) }

// removerByte is locked by whoever takes the file's name away, while it checks
// that the name still means this file and unlinks it.
func (s *Segment) removerByte() int64 { return 1 + int64(s.head.maxSenders) }

// Size returns the bytes of the file.
func (s *Segment) Size() uint64 { return s.head.fileSize }

// SetElementType marks the channel as one of elements with this layout, and
// returns the mark that stands there: another one if somebody was first.
func (s *Segment) SetElementType(fingerprint uint64) uint64 {
	w := &s.ring.ctl.elementType
	if w.CompareAndSwap(0, fingerprint) {
		return fingerprint
	}
	return w.Load()
}
