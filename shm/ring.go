package shm

import (
	"fmt"
	"math/bits"
)

// Ring is the data area of a segment, with its control page and slots. Any number of
// Producers, one per slot, and one Consumer work on it, in any processes.
type Ring struct {
	words
	data      []byte // the ring's bytes, twice in a row if mirrored
	capacity  uint64
	mask      uint64
	align     uint64 // records begin at its multiples
	reach     uint64 // largest offset at which a record may end: beyond capacity if mirrored
	mirrored  bool
	pagewise  bool   // no store of a message may cross a page: see copyTo
	stampBase uint64 // nonce with the lowest bit set
	ctl       *control
	slots     []slot // the receiver's, then the senders'

	path   string // of the file, for errors
	offset int64  // of the ring in the file, or -1 on the heap
}

// noIntent is the intent word of a sender that claims nothing. Any other value is a
// position with the lowest bit set, so a zeroed slot is valid.
const noIntent = 0

// NewHeapRing makes a ring on the heap, for one process, with at least capacity
// bytes (rounded up to a power of two) and the given number of sender slots. Its
// positions begin at start, a multiple of 16. Since the ring is not mapped twice, no
// record crosses the end of a lap: a sender first claims the rest of the lap as
// padding. Everything else is the same as in a file.
func NewHeapRing(capacity, senders int, start uint64) *Ring {
	size := RoundCapacity(uint64(capacity))
	r := newRing(make([]byte, size), new(control), make([]slot, senders+1), 0x9e3779b97f4a7c15&^7)
	r.align, r.reach, r.offset = RecordHeader, size, -1
	r.ctl.tail.Store(start)
	r.ctl.head.Store(start)
	return r
}

// newRing returns a ring over data, which holds the ring's bytes once.
func newRing(data []byte, ctl *control, slots []slot, nonce uint64) *Ring {
	r := &Ring{align: recordAlign, stampBase: nonce | 1, ctl: ctl, slots: slots}
	r.setData(data, uint64(len(data)))
	return r
}

// setData makes data the ring's bytes: capacity of them, a power of two, once or twice
// in a row.
func (r *Ring) setData(data []byte, capacity uint64) {
	r.data, r.words = data, wordsOf(data, capacity)
	r.capacity, r.mask, r.reach = capacity, capacity-1, 2*capacity
}

// RoundCapacity returns the smallest ring size that holds n bytes: a power of two,
// at least MinCapacity.
func RoundCapacity(n uint64) uint64 {
	n = max(n, MinCapacity)
	return 1 << bits.Len64(n-1)
}

// Capacity returns the size of the ring in bytes.
func (r *Ring) Capacity() int { return int(r.capacity) }

// MaxMessage returns the size of the largest message in bytes: half the capacity.
func (r *Ring) MaxMessage() int { return int(r.capacity / 2) }

// Senders returns the number of sender slots.
func (r *Ring) Senders() int { return len(r.slots) - 1 }

// Tail returns the number of bytes ever claimed.
func (r *Ring) Tail() uint64 { return r.ctl.tail.Load() }

// Head returns the number of bytes ever released.
func (r *Ring) Head() uint64 { return r.ctl.head.Load() }

// corrupt returns the error for an invalid word of the ring.
func (r *Ring) corrupt(pos uint64, field string, value uint64, format string, args ...any) error {
	at := int64(-1)
	if r.offset >= 0 {
		at = r.offset + int64(pos&r.mask)
	}
	return &CorruptError{Path: r.path, Offset: at, Field: field, Value: value, Reason: fmt.Sprintf(format, args...)}
}

// corruptControl returns the error for an invalid word of the control page.
func (r *Ring) corruptControl(offset uintptr, field string, value uint64, format string, args ...any) error {
	at := int64(-1)
	if r.offset >= 0 {
		at = headerSize + int64(offset)
	}
	return &CorruptError{Path: r.path, Offset: at, Field: field, Value: value, Reason: fmt.Sprintf(format, args...)}
}
