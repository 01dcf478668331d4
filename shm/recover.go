package shm

import (
	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/order"
)

// Recovery deals with a claim in flight whose owner died. A receiver skips it for
// good; a Peeker steps over it.
//
// At head h the stamp is missing while tail lies above h. By I1 of producer.go some
// slot's intent is h. The steps, each of which depends on its place in this order:
//
//	R1  T = tail                         before the intents: a claim made after R2 lies at or above T
//	R2  all intents: candidates equal h; b = the smallest above h, or T
//	R3  stamp at h again                 still missing, so the claimer is among the candidates
//	R4  ask the kernel about candidates  one is alive: wait, it may be the claimer
//	R5  stamp at h once more             still missing, and the claimer is dead: it never comes
//	R6  the first valid stamp in (h, b)  after R2: a claim whose intent R2 did not see,
//	                                     because its owner went on to another, is stamped by now
//	R7  h = b
//
// Every boundary is proven: T and the intents by I2, and a valid stamp stands only
// where a record begins. So [h, b) is one claim of a dead sender, and no byte of a
// live sender's claim is touched. If R3 finds no candidate, I1 is violated: that is
// corruption, to be reported, never skipped.

// recovery holds the scratch space of abandoned.
type recovery struct{ candidates []int }

// abandoned returns the end of the claim in flight at h if its owner is dead, and h
// if the owner is alive or has committed meanwhile. For each slot that may own the
// claim it calls dead, which reports whether the slot's owner is gone according to
// the kernel. It stores nothing. It reads one word per slot, and words up to the
// length of the dead claim. Precondition: the stamp at h was missing. If tail is h,
// there is no claim, and abandoned returns h.
func (v *recovery) abandoned(r *Ring, h uint64, dead func(slot int) bool) (end uint64, err error) {
	t := r.ctl.tail.Load() // R1
	failpoint.Hit(failpoint.RecoverTail)
	if n := int64(t - h); n < 0 || n > int64(r.capacity) || t&(recordAlign-1) != 0 {
		return h, r.corruptControl(tailOffset, "tail", t, "want a record at %#x in a ring of %d", h, r.capacity)
	}
	if t == h {
		return h, nil
	}
	b, candidates := t, v.candidates[:0]
	for i := range r.slots[1:] { // R2
		at, ok := r.slots[1+i].claiming()
		switch {
		case !ok || at&(recordAlign-1) != 0:
		case at == h:
			candidates = append(candidates, i)
		case at-h < b-h:
			b = at
		}
	}
	v.candidates = candidates
	failpoint.Hit(failpoint.RecoverIntents)
	if r.committed(h) { // R3
		return h, nil
	}
	if len(candidates) == 0 {
		return h, r.corrupt(h, "record.stamp", r.word(h).Load(), "claimed up to %#x, but by no sender: want %#x", t, r.stampAt(h))
	}
	failpoint.Hit(failpoint.RecoverMissing)
	for _, i := range candidates { // R4
		if !dead(i) {
			return h, nil
		}
	}
	failpoint.Hit(failpoint.RecoverDead)
	if r.committed(h) { // R5
		return h, nil
	}
	failpoint.Hit(failpoint.RecoverSure)
	for pos := h + r.align; pos-h < b-h; pos += r.align { // R6
		if r.committed(pos) {
			b = pos
		}
	}
	failpoint.Hit(failpoint.RecoverEnd)
	return b, nil
}

// Recover skips the claim in flight at the receiver's position if its owner is dead,
// and reports whether it did. dead reports whether the owner of a slot is gone
// according to the kernel. Precondition: Next returned ErrEmpty, and InFlight true.
func (c *Consumer) Recover(dead func(slot int) bool) (skipped bool, err error) {
	h := c.at.pos
	end, err := c.recovery.abandoned(c.ring, h, dead)
	if err != nil || end == h {
		return false, err
	}
	c.countSkip(h, end)
	c.pass(end) // R7
	failpoint.Hit(failpoint.Recovered)
	return true, nil
}

// countSkip counts the dead claim from pos to end once: a receiver may reach it
// again, after a Rewind or because its predecessor was killed before releasing it.
func (c *Consumer) countSkip(pos, end uint64) {
	ctl := c.ring.ctl
	if c.ring.skippedAhead(ctl.skippedTo.Load(), pos, end) {
		return
	}
	c.skipped++
	order.Store64(&ctl.skippedTo, end|c.skipped&(recordAlign-1))
	failpoint.Hit(failpoint.SkipMarked)
	order.Store64(&ctl.skipped, c.skipped)
}
