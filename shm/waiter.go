package shm

import (
	"sync/atomic"
	"time"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/internal/process"
)

// Waiter is how the owner of a slot waits: in line for room, or for a position. Its
// methods are safe for concurrent use, but for Join and Leave, which belong to one
// goroutine at a time.
type Waiter struct {
	ring  *Ring
	slot  *slot
	index int
}

// Waiter returns that of sender slot i. Precondition: the caller holds the slot.
func (r *Ring) Waiter(i int) Waiter { return Waiter{r, &r.slots[1+i], i} }

// Join takes a place in line for a message of n bytes, for which the caller has waited
// since tail was from. If the caller has one, it keeps that and goes before later ones
// again if they passed it. See J in line.go.
func (w Waiter) Join(n int, from uint64) {
	s, ctl := w.slot, w.ring.ctl
	if ticket := s.ticket.Load(); ticket == 0 {
		s.need.Store(w.ring.recordSize(uint64(n)))
		s.waitFrom.Store(from)
		s.ticket.Store(ctl.tickets.Add(1) << 1) // from 2: 0 is none
		failpoint.Hit(failpoint.TicketStored)
		w.mark()
	} else if ticket&passed != 0 { // it runs again
		s.ticket.Store(ticket &^ passed)
	}
	failpoint.Hit(failpoint.Joined)
	w.elect()
}

// elect is Ring.elect for a sender that is awake. It wakes another that is first if
// its need is met.
func (w Waiter) elect() {
	if t := w.ring.elect(); t.slot() != w.index {
		w.ring.wakeFirst(t)
	}
}

// settle is elect for a sender that is kept out. It passes a first that is silent.
func (w Waiter) settle() {
	w.elect()
	t := turn(w.ring.ctl.turn.Load())
	if s := w.ring.inLine(t); s != nil && t.slot() != w.index && s.silent(process.Monotonic()) {
		w.ring.pass(t, s)
	}
}

// giveWay lets those before this sender run who have room and lack the processor. It
// passes them as long as it runs, and once a ringful has passed the first nobody sends
// but by sleeping and being woken, one message a turn. It waits for nobody: where no
// other thread wants the processor, it returns at once.
func (p *Producer) giveWay(size uint64) {
	t := turn(p.turn.Load())
	if t == 0 || t.slot() == int(p.index) || p.capacity-(p.tail.Load()-p.head) < t.need() {
		return
	}
	const often = 32 // times in a ringful: enough for some, and too seldom to cost anything
	if p.passing += size; p.passing >= p.capacity/often {
		p.passing = 0
		process.Yield()
	}
}

// Leave gives the place in line up, if the caller has one, and hands the turn on.
// See L in line.go.
func (w Waiter) Leave() {
	s, ctl := w.slot, w.ring.ctl
	ticket := s.ticket.Load()
	if ticket == 0 {
		return
	}
	mine := makeTurn(w.index, s.need.Load(), ticket)
	s.ticket.Store(0)
	failpoint.Hit(failpoint.TicketCleared)
	w.unmark()
	if ctl.turn.CompareAndSwap(uint64(mine), 0) {
		failpoint.Hit(failpoint.TurnCleared)
		w.ring.wakeFirst(w.ring.elect())
	}
}

// Await says that the caller waits for head to reach pos, or for nothing if pos was
// received.
func (w Waiter) Await(pos uint64) {
	w.slot.position.Store(pos | 1)
	w.mark()
	w.ring.await(pos | 1)
	failpoint.Hit(failpoint.Awaited)
}

// AwaitNothing takes that back.
func (w Waiter) AwaitNothing() {
	w.slot.position.Store(0)
	w.unmark()
}

// forget gives up whatever the slot's owner waited for.
func (w Waiter) forget() {
	w.Leave()
	w.AwaitNothing()
}

func (w Waiter) bit() (word *atomic.Uint64, mask uint64) {
	return &w.ring.ctl.waiting[w.index/64], 1 << (w.index % 64)
}

func (w Waiter) mark() {
	word, mask := w.bit()
	word.Or(mask)
}

// unmark clears the slot's bit unless it still waits for something. Two goroutines
// may each store one of the words: the second look finds what the first missed.
func (w Waiter) unmark() {
	waits := func() bool { return w.slot.ticket.Load() != 0 || w.slot.position.Load() != 0 }
	if waits() {
		return
	}
	word, mask := w.bit()
	word.And(^mask)
	if waits() {
		word.Or(mask)
	}
}

// HasRoom reports whether the caller could claim a message of n bytes now. It is
// three loads, for spinning.
func (w Waiter) HasRoom(n int) bool {
	r := w.ring
	return r.room() >= r.recordSize(uint64(n))+r.reserve(w.index)
}

// Doorbell returns the futex that the caller sleeps on.
func (w Waiter) Doorbell() *atomic.Uint32 { return &w.slot.bell }

// Announce says that the caller is about to sleep, and returns what Doorbell is then.
// After it the caller must look again, and only then sleep while Doorbell is that. See A
// in line.go.
func (w Waiter) Announce() uint32 {
	b := w.slot.bell.Or(1) | 1
	w.ring.ctl.line.flags.Or(lineWaiting)
	failpoint.Hit(failpoint.Announced)
	if !fence.Everywhere() {
		w.MustFence()
	}
	failpoint.Hit(failpoint.Fenced)
	return b
}

// Announced reports whether a sender is announced to sleep that nobody has woken.
func (r *Ring) Announced() bool {
	for _, s := range r.waiters {
		if s.bell.Load()&1 != 0 {
			return true
		}
	}
	return false
}

// Tend looks after the line at a beat, on behalf of a sender that waits or of the
// receiver: it wakes a first whose need is met, in case its waker died, and passes
// one that does not run. now is the monotonic clock, seen the turn that Tend returned
// at the beat before, if that was one beat ago. A turn that is not 0 wants to be seen
// again at the next beat. See P in line.go.
func (r *Ring) Tend(seen Turn, now int64) Turn {
	t := r.elect()
	s := r.inLine(t)
	if s == nil {
		return 0
	}
	met := r.room() >= t.need()
	if met && Turn(t) == seen || s.silent(now) {
		r.pass(t, s)
		return 0
	}
	if !met {
		return 0
	}
	s.wake()
	return Turn(t)
}

// Turn is who was first in line when Tend looked, for Tend to compare.
type Turn uint64

// pass lets the others go before the first in line, and wakes it.
func (r *Ring) pass(t turn, s *slot) {
	ticket := s.ticket.Load()
	if ticket == 0 || makeTurn(t.slot(), t.need(), ticket) != t || !s.ticket.CompareAndSwap(ticket, ticket|passed) {
		return
	}
	failpoint.Hit(failpoint.Passed)
	r.wakeFirst(r.elect())
	s.rouse()
}

// silentFor and three intervals is how long an owner has not beaten that is stopped
// or dead.
const silentFor = int64(50 * time.Millisecond)

func (s *slot) silent(now int64) bool {
	interval := min(max(s.interval.Load(), 0), int64(time.Minute))
	return now-s.beatAt.Load() > 3*interval+silentFor
}

// Overslept reports whether the caller, if it sleeps, sleeps although it was woken, was
// passed, or head has reached what it waits for: whoever should have woken it died, or
// was stopped, just before that. Room is not looked at: Tend wakes the first in line.
func (w Waiter) Overslept() bool {
	at := w.slot.position.Load()
	return w.slot.bell.Load()&1 == 0 || w.Passed() || at != 0 && int64(w.ring.ctl.head.Load()-at&^1) >= 0
}

// Passed reports whether others go first though the caller is in line.
func (w Waiter) Passed() bool { return w.slot.ticket.Load()&passed != 0 }

// Rouse makes the caller's sleepers look again.
func (w Waiter) Rouse() { w.slot.rouse() }
