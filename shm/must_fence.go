package shm

import "github.com/shmchan/shmchan/internal/failpoint"

// bellFence and lineFence ask the publisher to fence because a sleeper has no
// asymmetric fence. A publisher then pays a fence at every publication, so the flag
// must go when that sleeper has gone.
//
// The receiver's doorbell has one sleeper, the receiver. AttachReceiver clears the
// flag of its predecessor, which no longer holds the receiver's lock and so will not
// announce again; the new receiver has not announced yet. If the new one has no
// asymmetric fence either, it sets the flag before it first announces.
//
// The line has many sleepers. A sender without an asymmetric fence marks its slot
// for as long as it is attached, and the receiver clears the flag when it finds no
// marked slot of a live sender:
//
//	sender    live; mark; set the flag; …; announce; look; sleep; …; free the slot
//	receiver  publish; look at the flags: lineFence stands; fence
//	V1 endpoints have come or gone since the last time, or a heartbeat has passed
//	V2 clear the flag   V3 look at all slots   V4 one is live and marked: set it
//	          look at the flags again, and serve if a sender is announced
//
// No publication misses a sleeper because of that. The receiver's goroutine runs V1
// to V4 itself, between two publications: earlier publications are already fenced,
// and later ones find the flag that V4 has left. So only the flag after V4 counts,
// and for a sender S without an asymmetric fence:
//
//   - If S sets the flag before V2, its slot was live and marked before V2. V3 finds
//     it so, unless S has gone, and V4 sets the flag.
//   - If S sets it after V2, it stays until the next V2.
//   - If S goes after V3 has looked at its slot, the flag stays until the next V2, a
//     heartbeat later at most.
//   - If S is killed between any two steps, it does not sleep. A slot that is live
//     and marked counts until it is reaped; one that is not live does not count.
//   - If the receiver is killed between V2 and V4, its successor must not publish
//     under a missing flag. So a Consumer begins with V2 to V4, whether the flag
//     stands or not, and the attachment before it has woken all senders.
//
// What remains is the publication that is in flight when S sets the flag for the
// first time. Its store was made before, and arrives long before S has filled the
// ring, looked and gone to sleep. Otherwise the tick of S wakes it, as it does if
// the kernel begins to refuse membarrier to a sender that has announced.
//
// shm/model/fence.pml checks this.

// MustFence asks senders to fence before they look at the doorbell, since the
// receiver, which sleeps on it, has no asymmetric fence. It takes effect for later
// publications.
func (b Doorbell) MustFence() {
	b.words.flags.Or(bellFence)
	failpoint.Hit(failpoint.FenceAsked)
}

// MustFence asks the receiver to fence, since the caller's process has no asymmetric
// fence. It takes effect for later releases.
func (w Waiter) MustFence() {
	w.slot.mustFence.Store(1) // before the flag; see above
	w.ring.ctl.line.flags.Or(lineFence)
	failpoint.Hit(failpoint.FenceAsked)
}

// clearBellFence clears the request of the previous receiver. Precondition: the
// caller holds the receiver's lock and has not attached.
func (r *Ring) clearBellFence() { r.ctl.doorbell.flags.And(^uint32(bellFence)) }

// Review drops the fence that senders have asked for if no attached sender needs it.
// It is one load if no sender has asked.
func (c *Consumer) Review() {
	if c.ring.ctl.line.flags.Load()&lineFence != 0 {
		c.review()
	}
}

func (c *Consumer) review() {
	// Both only grow, so the sum changes if either does.
	now := c.ring.ctl.changes.Load() + c.ring.slots[0].beat.Load()
	if now != c.reviewed { // V1
		c.reviewed = now
		c.ring.reviewFence()
	}
}

// reviewFence is V2 to V4.
func (r *Ring) reviewFence() {
	flags := &r.ctl.line.flags
	flags.And(^uint32(lineFence)) // V2
	failpoint.Hit(failpoint.FenceDropped)
	for i := range r.slots[1:] { // V3
		if s := &r.slots[1+i]; s.state.Load() == slotLive && s.mustFence.Load() != 0 {
			flags.Or(lineFence) // V4
			return
		}
	}
}
