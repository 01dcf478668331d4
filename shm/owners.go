package shm

import (
	"sync"
	"time"

	"github.com/shmchan/shmchan/internal/process"
)

// owners caches what the process table says about the owners of slots. It asks about
// an owner once, and again only while the owner does not beat, at most once per
// interval. An owner proven gone stays gone. It is safe for concurrent use.
type owners struct {
	mu sync.Mutex
	by map[int64]verdict // by the byte of the slot's lock
}

// verdict is what is known about one owner of a slot.
type verdict struct {
	generation uint32
	process    process.Identity
	asked      int64 // monotonic clock of the last query; 0: never
	gone       bool
	suspect    bool // Suspect was called since
}

// tenancy describes one owner's use of a slot, according to the slot's words.
type tenancy struct {
	process    process.Identity
	generation uint32
	beatAt     int64
	interval   int64
}

// Bounds on the interval that an owner claims.
const (
	minInterval = int64(time.Millisecond)
	maxInterval = int64(10 * time.Second)
)

// tenancy reads the words of a slot that is live. It returns false if an owner came
// or went meanwhile: occupy sets the state to free before it changes the words and
// to live afterwards, and each owner has its own generation. So if both are the same
// before and after, all words belong to one owner.
func (s *slot) tenancy() (t tenancy, ok bool) {
	t.generation = s.gen.Load()
	if s.state.Load() != slotLive {
		return t, false
	}
	t.process = s.process()
	t.beatAt, t.interval = s.beatAt.Load(), min(max(s.interval.Load(), minInterval), maxInterval)
	return t, s.state.Load() == slotLive && s.gen.Load() == t.generation
}

// silent reports whether the owner's next heartbeat is overdue.
func (t *tenancy) silent(now int64) bool {
	age := now - t.beatAt
	return age < 0 || age > t.interval
}

// outlived reports whether the owner of the slot whose lock is byte at is gone
// according to the process table, and returns that owner. Precondition: the lock is
// held.
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
	// An eighth less, so that an early tick does not have to wait for the next one.
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

// Suspect makes the next look at a sender's slot (or the receiver's, -1) query the
// process table. It may be called at any time, also after Close.
func (s *Segment) Suspect(slot int) {
	o := &s.view.owners
	o.mu.Lock()
	defer o.mu.Unlock()
	v := o.by[senderByte(slot)]
	v.suspect = true
	o.set(senderByte(slot), v)
}
