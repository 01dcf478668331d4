package shm

import (
	"math"
	"math/bits"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/futex"
)

// The line: how senders wait for room, and for their messages to be received.
//
// A sender that finds no room draws a ticket, a number that grows, and stores it in
// its slot with its need, the bytes that it wants. One word beside tail, the turn,
// names the first in line: slot, need and ticket. Every other sender leaves that
// much room untouched (reserve). So while room is short of the need no other sender
// claims, and after at most a ringful was released the first has its room. Once it
// has claimed, it hands the turn on to the lowest ticket.
//
// If there is more room than that, other senders may pass: a sender that is awake
// need not wait for one that must be woken first. But without a limit, each sender
// in line would be passed by one more ringful for every sender before it. So the
// slot records where tail was when the wait began, and once a ringful was claimed
// since then, only the first claims. Senders behind it began to wait no earlier,
// except for a moment, so none is passed by more than a ringful, and by one message
// of each sender before it. (A second goroutine of a Sender also waits for the place
// of the first one.)
//
//	J  Join      need, where the wait began, ticket; bit in waiting; elect; if another is first: wake it if its need is met
//	E  elect     turn = 0 → the lowest ticket; then: is that ticket still in line?
//	L  Leave     ticket = 0; clear the bit; turn = mine → 0; elect; wake the elected if its need is met
//	A  Announce  bell odd; flags: waiting; asymmetric fence; then look; then sleep
//	S  serve     (the receiver, after storing head) if the flags ask for it: fence; elect; wake the first
//	             if its need is met, and senders whose position head has reached; if none waits: clear
//	             the flag, look again
//	W  wake      bell odd → even, by one compare-and-swap; futex wake
//	P  pass      mark the first's ticket as passed; elect; wake the one passed
//
// The turn is a courtesy, not a claim: the ring is right whatever the turn holds. It
// may be taken from its holder, a sender that sees it too late claims anyway, and
// any process may elect. What must hold is that no sender sleeps for ever (T1), and
// that none is passed for ever (T2).
//
// In each pair below, either side stores and then loads. All of these are locked
// instructions or follow one, so at least one side sees the other's store:
//
//   - Join sets its bit, then looks at turn. Leave clears turn, then looks at the
//     bits. So a turn of 0 does not outlast the two: one of them elects.
//   - elect stores turn, then checks whether that ticket is still in line. Leave
//     clears the ticket, then checks whether the turn names it. So no turn names a
//     ticket that has left.
//   - Leave and Join store the next turn, then look at head. The receiver stores
//     head, fences (S), then looks at turn. So one of them wakes a first whose need
//     is met. Join must wake too: a newcomer may name the next first between the two
//     steps of a Leave, which then finds that the turn is no longer its own.
//   - Announce makes the bell odd and sets the flag, fences asymmetrically, then
//     looks at head and turn. The receiver stores head, then looks at the flag; the
//     fence that it lacks there is the sleeper's membarrier, as with the receiver's
//     doorbell (doorbell.go). So either the sleeper sees the room, or the receiver
//     sees the flag, and then the turn and the odd bell.
//   - serve clears the flag, then looks at the bits. Join sets the bit, and Announce
//     then sets the flag. So a flag that is cleared under a newcomer is set again.
//
// Only the process that makes a bell even wakes its owner, so a release costs one
// wake at most; a sleeper that finds no room after all makes the bell odd again.
//
// Deaths and pauses. A process that dies or stops between two steps may leave a turn
// of 0, a turn that names a sender that is dead or not in line, an even bell whose
// owner was not woken, or a lowest position that is too low or missing. The next
// release repairs a turn of 0 and a position that is too low. The beats of a
// sleeper's process and of the receiver's repair the rest (Ring.Tend and
// Waiter.Overslept): they elect, pass a first that is silent or that has let a whole
// beat go by with its need met, and wake it. A claim that is kept out elects, and
// passes a first that is silent (Waiter.settle). A sender that was passed keeps its
// ticket, and is behind no later one once it runs again and has cleared the mark.
//
// shm/model/line.pml checks this.
const (
	lineWaiting = 1 << 0 // a sender is announced
	lineFence   = 1 << 2 // a sender has no asymmetric fence: the receiver must fence
)

// passed marks a ticket: others go first until its owner clears the mark.
const passed = 1

// turn is the word that names the first in line:
//
//	| ticket u16 | need in units of 8 u32 | slot + 1 u16 |
type turn uint64

const needUnit = 8

func makeTurn(slot int, need, ticket uint64) turn {
	return turn(ticket>>1&0xffff<<48 | need/needUnit&0xffffffff<<16 | uint64(slot+1))
}

func (t turn) slot() int    { return int(t&0xffff) - 1 }
func (t turn) need() uint64 { return uint64(t) >> 16 & 0xffffffff * needUnit }

// inLine returns the slot of the turn's holder, or nil unless the turn is valid: it
// names a ticket that is in line and was not passed, and a need that fits into the
// ring.
func (r *Ring) inLine(t turn) *slot {
	i := t.slot()
	if i < 0 || i >= r.Senders() || t.need() > r.recordSize(r.capacity/2) {
		return nil
	}
	s := &r.slots[1+i]
	ticket := s.ticket.Load()
	if ticket == 0 || ticket&passed != 0 || makeTurn(i, t.need(), ticket) != t {
		return nil
	}
	return s
}

// reserve returns the room that the sender at index must leave to the first in line.
// It is one load of tail's cache line.
func (r *Ring) reserve(index int) uint64 {
	t := turn(r.ctl.turn.Load())
	if t == 0 || t.slot() == index {
		return 0
	}
	return r.reserved(t)
}

// reserved returns the room that t reserves for the first in line: its need, or all
// room if a ringful has passed it.
func (r *Ring) reserved(t turn) uint64 {
	if i := t.slot(); i < r.Senders() { // a peer may write any value
		if passed := r.ctl.tail.Load() - r.slots[1+i].waitFrom.Load(); int64(passed) >= int64(r.capacity) {
			return r.capacity
		}
	}
	return min(t.need(), r.recordSize(r.capacity/2))
}

// room returns how many bytes can be claimed now.
func (r *Ring) room() uint64 {
	h := r.ctl.head.Load()
	return r.capacity - min(r.ctl.tail.Load()-h, r.capacity)
}

// elect returns the turn. If the turn names no ticket in line, elect first assigns
// it to the lowest ticket. It returns 0 if no sender is in line, or if other
// processes changed the turn electTries times.
func (r *Ring) elect() turn {
	for range electTries {
		t := turn(r.ctl.turn.Load())
		if t != 0 && r.inLine(t) != nil {
			return t
		}
		first := r.lowest()
		if first == t {
			return 0
		}
		if r.ctl.turn.CompareAndSwap(uint64(t), uint64(first)) {
			failpoint.Hit(failpoint.Elected)
		}
	}
	return 0
}

// electTries bounds what a hostile peer can cost.
const electTries = 8

// lowest returns the turn of the lowest ticket that was not passed, or 0.
func (r *Ring) lowest() (first turn) {
	var best uint64
	for i, s := range r.waiters {
		ticket, need := s.ticket.Load(), s.need.Load()
		if ticket == 0 || ticket&passed != 0 || need > r.recordSize(r.capacity/2) {
			continue
		}
		if first == 0 || int64(ticket-best) < 0 {
			best, first = ticket, makeTurn(i, need, ticket)
		}
	}
	return first
}

// waiters yields the senders whose bit in waiting is set. It loads one word per 64
// slots.
func (r *Ring) waiters(yield func(int, *slot) bool) {
	n := r.Senders()
	for w := range (n + 63) / 64 {
		for set := r.ctl.waiting[w].Load(); set != 0; set &= set - 1 {
			i := 64*w + bits.TrailingZeros64(set)
			if i >= n || !yield(i, &r.slots[1+i]) {
				return
			}
		}
	}
}

// wakeFirst wakes the first in line if its need is met.
func (r *Ring) wakeFirst(t turn) {
	if t != 0 && r.room() >= t.need() {
		r.slots[1+t.slot()].wake()
	}
}

// wake wakes the slot's owner if it has announced that it sleeps.
func (s *slot) wake() {
	b := s.bell.Load()
	if b&1 != 0 && s.bell.CompareAndSwap(b, b+1) { // odd → even, and not an earlier even value
		failpoint.Hit(failpoint.RoomSeq)
		futex.Wake(&s.bell, math.MaxInt32)
		failpoint.Hit(failpoint.RoomWoken)
	}
}

// rouse makes the slot's owner look again, whether it has announced itself or not.
func (s *slot) rouse() {
	s.bell.Add(2)
	futex.Wake(&s.bell, math.MaxInt32)
}

// WakeSenders makes all waiting senders look again.
func (r *Ring) WakeSenders() {
	for _, s := range r.waiters {
		s.rouse()
	}
}

// serve wakes the senders that head, which has moved, lets go on.
func (r *Ring) serve() {
	t := r.elect()
	r.wakeFirst(t)
	reached := r.wakeReached()
	if t != 0 || !reached {
		return
	}
	r.ctl.line.flags.And(^uint32(lineWaiting))
	failpoint.Hit(failpoint.RoomFlag)
	for _, s := range r.waiters {
		if ticket := s.ticket.Load(); ticket != 0 && ticket&passed == 0 || s.position.Load() != 0 {
			r.ctl.line.flags.Or(lineWaiting)
			r.wakeFirst(r.elect())
			r.wakeReached()
			return
		}
	}
}

// wakeReached wakes the senders whose position head has reached. It reports whether
// no sender waits for a later position.
func (r *Ring) wakeReached() (none bool) {
	line, h := &r.ctl.line, r.ctl.head.Load()
	lowest := line.position.Load()
	if lowest == 0 || int64(h-lowest&^1) < 0 {
		return lowest == 0
	}
	line.position.Store(0)
	failpoint.Hit(failpoint.PositionTaken)
	none = true
	for _, s := range r.waiters {
		switch at := s.position.Load(); {
		case at == 0:
		case int64(h-at&^1) >= 0:
			s.wake()
		default:
			none = false
			r.await(at)
		}
	}
	return none
}

// await lowers the lowest awaited position to at if that is lower. It gives up when
// other processes change the word awaitTries times; the waiter's beats make up for
// it.
func (r *Ring) await(at uint64) {
	w := &r.ctl.line.position
	for range awaitTries {
		lowest := w.Load()
		if lowest != 0 && int64(lowest-at) <= 0 || w.CompareAndSwap(lowest, at) {
			return
		}
	}
}

const awaitTries = 1 << 10
