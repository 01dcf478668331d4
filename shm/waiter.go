package shm

import (
	"sync/atomic"
	"time"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/internal/process"
)

// Waiter is how the owner of a slot waits in line for room, or for a position. Its
// methods are safe for concurrent use, except for Join and Leave, which one
// goroutine at a time may call.
type Waiter struct {
	ring  *Ring
	slot  *slot
	index int
}

// Waiter returns the Waiter of sender slot i. Precondition: the caller holds the
// slot.
func (r *Ring) Waiter(i int) Waiter { return Waiter{r, &r.slots[1+i], i} }

// Join takes a place in line for a message of n bytes, for which the caller has
// waited since tail was from. A caller that has a place keeps it; if others passed
// it, they no longer may. See J in line.go.
func (w Waiter) Join(n int, from uint64) {
	s, ctl := w.slot, w.ring.ctl
	if ticket := s.ticket.Load(); ticket == 0 {
		s.need.Store(w.ring.recordSize(uint64(n)))
		s.waitFrom.Store(from)
		s.ticket.Store(ctl.tickets.Add(1) << 1) // at least 2: 0 means not in line
		failpoint.Hit(failpoint.TicketStored)
		w.mark()
	} else if ticket&passed != 0 { // passed while it did not run
		s.ticket.Store(ticket &^ passed)
	}
	failpoint.Hit(failpoint.Joined)
	w.elect()
}

// elect is Ring.elect for a sender that is awake. If another sender is first and its
// need is met, elect wakes it.
func (w Waiter) elect() {
	if t := w.ring.elect(); t.slot() != w.index {
		w.ring.wakeFirst(t)
	}
}

// settle is elect for a sender that is kept out. It also passes a first that is
// silent.
func (w Waiter) settle() {
	w.elect()
	t := turn(w.ring.ctl.turn.Load())
	if s := w.ring.inLine(t); s != nil && t.slot() != w.index && s.silent(process.Monotonic()) {
		w.ring.pass(t, s)
	}
}

// giveWay yields the processor to senders in line that have room but do not run.
// Otherwise this sender would pass them for as long as it runs, and once a ringful
// has passed the first, senders progress only by sleeping and being woken, one
// message per turn. If no other thread wants the processor, giveWay returns at once.
func (p *Producer) giveWay(size uint64) {
	t := turn(p.turn.Load())
	if t == 0 || t.slot() == int(p.index) || p.capacity-(p.tail.Load()-p.head) < t.need() {
		return
	}
	const often = 32 // times per ringful: often enough to help, too rare to cost anything
	if p.passing += size; p.passing >= p.capacity/often {
		p.passing = 0
		process.Yield()
	}
}

// Leave gives up the caller's place in line, if it has one, and hands the turn on.
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

// Await registers that the caller waits for head to reach pos. If pos was already
// received, there is nothing to wait for.
func (w Waiter) Await(pos uint64) {
	w.slot.position.Store(pos | 1)
	w.mark()
	w.ring.await(pos | 1)
	failpoint.Hit(failpoint.Awaited)
}

// AwaitNothing undoes Await.
func (w Waiter) AwaitNothing() {
	w.slot.position.Store(0)
	w.unmark()
}

// forget gives up everything that the slot's owner waited for.
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

// unmark clears the slot's bit unless the slot still waits for something. Two
// goroutines may each store one of the two words, so it looks again after clearing
// the bit.
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

// Announce announces that the caller is about to sleep, and returns the value of its
// Doorbell. The caller must look again before it sleeps, and sleep only while
// Doorbell holds that value. See A in line.go.
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

// Announced reports whether any sender has announced that it sleeps and was not
// woken.
func (r *Ring) Announced() bool {
	for _, s := range r.waiters {
		if s.bell.Load()&1 != 0 {
			return true
		}
	}
	return false
}

// Tend looks after the line at a beat, on behalf of the receiver or a waiting
// sender: it wakes a first whose need is met, in case its waker died, and passes one
// that does not run. now is the monotonic clock; seen is what Tend returned one beat
// ago, or else 0. If Tend does not return 0, call it again at the next beat. See P
// in line.go.
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

// Turn identifies the first in line at a call of Tend, for the next call to compare.
type Turn uint64

// pass lets other senders go before the first in line, and wakes it.
func (r *Ring) pass(t turn, s *slot) {
	ticket := s.ticket.Load()
	if ticket == 0 || makeTurn(t.slot(), t.need(), ticket) != t || !s.ticket.CompareAndSwap(ticket, ticket|passed) {
		return
	}
	failpoint.Hit(failpoint.Passed)
	r.wakeFirst(r.elect())
	s.rouse()
}

// An owner that has not beaten for silentFor and three of its intervals is silent:
// it is stopped or dead.
const silentFor = int64(50 * time.Millisecond)

func (s *slot) silent(now int64) bool {
	interval := min(max(s.interval.Load(), 0), int64(time.Minute))
	return now-s.beatAt.Load() > 3*interval+silentFor
}

// Overslept reports whether the caller, if it sleeps, has a reason not to: it was
// woken or passed, or head has reached its position, but the process that should
// have woken it died or stopped just before. It does not check for room: Tend wakes
// the first in line.
func (w Waiter) Overslept() bool {
	at := w.slot.position.Load()
	return w.slot.bell.Load()&1 == 0 || w.Passed() || at != 0 && int64(w.ring.ctl.head.Load()-at&^1) >= 0
}

// Passed reports whether others go first although the caller is in line.
func (w Waiter) Passed() bool { return w.slot.ticket.Load()&passed != 0 }

// Rouse makes the caller's sleepers look again.
func (w Waiter) Rouse() { w.slot.rouse() }
