package shm

import (
	"sync"
	"time"

	"github.com/shmchan/shmchan/internal/process"
)

// owners remembers what the process table said of the owners of slots, so that it
// is asked of an end once, and from then on only while the end does not beat, no
// more often than it should. What is proven gone stays gone. Safe for concurrent use.
type owners struct {
	mu sync.Mutex
	by map[int64]verdict // by the byte of the slot's lock
}

// verdict is what is known about one owner of a slot.
type verdict struct {
	generation uint32
	process    process.Identity
	asked      int64 // monotonic clock; 0: never
	gone       bool
	suspect    bool // the kernel has told of a death since
}

// tenancy is one owner's use of a slot, as the slot's words tell.
type tenancy struct {
	process    process.Identity
	generation uint32
	beatAt     int64
	interval   int64
}

// The interval that an owner claims counts within these.
const (
	minInterval = int64(time.Millisecond)
	maxInterval = int64(10 * time.Second)
)

// tenancy reads the words of a slot that is live. It reports false if an owner
// came or went meanwhile: occupy makes the state free before it touches the words,
// and live after, and each owner has a generation of its own, so where both are the
// same before and after, all words are of one owner.
func (s *slot) tenancy() (t tenancy, ok bool) {
	t.generation = s.gen.Load()
	if s.state.Load() != slotLive {
		return t, false
	}
	t.process = s.process()
	t.beatAt, t.interval = s.beatAt.Load(), min(max(s.interval.Load(), minInterval), maxInterval)
	return t, s.state.Load() == slotLive && s.gen.Load() == t.generation
}

// silent reports whether the owner should have beaten since it did.
func (t *tenancy) silent(now int64) bool {
	age := now - t.beatAt
	return age < 0 || age > t.interval
}

// outlived reports whether the owner of the slot whose lock is the byte at is gone
// by the process table, and returns that owner. Precondition: the lock is held.
func (s *Segment) outlived(at int64) (t tenancy, gone bool) {
	sl := &s.ring.slots[at]
	if t, gone = sl.tenancy(); !gone {
		return t, false
	}
	now := process.Monotonic()
	o := &s.view.owners
	o.mu.Lock()
	v := o.by[at]
	if v.generation != t.generation || v.process != t.process {
		v = verdict{generation: t.generation, process: t.process}
	}
	// An eighth less, so that a tick which is early does not wait for the next one.
	ask := !v.gone && (v.asked == 0 || v.suspect || t.silent(now) && now-v.asked >= t.interval-t.interval/8)
	if ask {
		v.asked, v.suspect = now, false
		o.set(at, v)
	}
	o.mu.Unlock()
	if ask && process.Gone(v.process) {
		v.gone = true
		o.mu.Lock()
		o.set(at, v)
		o.mu.Unlock()
	}
	return t, v.gone
}

func (o *owners) set(at int64, v verdict) {
	if o.by == nil {
		o.by = map[int64]verdict{}
	}
	o.by[at] = v
}

// Suspect makes the next look at a sender's slot, or the receiver's, -1, ask the
// process table. It may come at any time, after Close too.
func (s *Segment) Suspect(slot int) {
	o := &s.view.owners
	o.mu.Lock()
	defer o.mu.Unlock()
	v := o.by[senderByte(slot)]
	v.suspect = true
	o.set(senderByte(slot), v)
}
