package shm

import "github.com/shmchan/shmchan/internal/failpoint"

// bellFence and lineFence stand while a sleeper that can't fence everywhere may come.
// Those who would wake it pay a fence at every publication, so the flag must go when
// that sleeper has gone.
//
// The receiver's bell has one sleeper, the receiver. AttachReceiver takes the flag
// of the one before away: that one holds the receiver's lock no more, so it will
// not announce again, and the new one has not announced yet. If the new one can't
// fence either, it sets the flag itself before it first announces.
//
// The line has many sleepers. Each that can't fence everywhere marks its
// slot, for as long as it is attached, and the receiver takes the flag away when
// it finds no slot of a live sender marked:
//
//	sender    live; mark; set the flag; …; announce; look; sleep; …; free the slot
//	receiver  publish; look at the flags: lineFence stands; fence
//	V1 ends have come or gone since the last time, or a heartbeat has passed
//	V2 clear the flag   V3 look at all slots   V4 one is live and marked: set it
//	          look at the flags again, and serve if a sender is announced
//
// No publication misses a sleeper because of that. The receiver's goroutine does
// V1 to V4 itself, between two publications: what it published before is fenced
// already, and what it publishes afterwards it publishes under the flag that V4
// has left. So only the flag after V4 counts, and for a sender S that can't fence:
//
//   - S sets the flag before V2: then its slot was live and marked before V2, V3
//     finds it so, unless S has gone, and V4 sets the flag.
//   - S sets it after V2: nobody takes it away before the next V2.
//   - S goes after V3 has looked at its slot: the flag stays until the next V2, a
//     heartbeat later at most.
//   - S is killed between any two steps: it does not sleep. A slot that is live and
//     marked counts until it is reaped; one that is not live counts for nothing.
//   - The receiver is killed between V2 and V4: its successor must not publish under
//     a flag that is missing. So a Consumer begins with V2 to V4, whether the flag
//     stands or not, and the attachment before it has poked all senders.
//
// What is left is the publication that is on its way when S sets the flag for the
// first time. Its store was made before, and arrives long before S has filled the
// ring, looked and gone to sleep; if not, the tick of S wakes it, as it does where
// the kernel comes to refuse membarrier to a sender that has announced.
//
// shm/model/fence.pml checks this.

// MustFence tells those who ring the bell to fence, since the receiver, which sleeps
// on it, can't make them. It takes effect for publications from then on.
func (b Doorbell) MustFence() {
	b.words.flags.Or(bellFence)
	failpoint.Hit(failpoint.FenceAsked)
}

// MustFence tells the receiver to fence, since the caller's process can't make it. It
// takes effect for what is released from then on.
func (w Waiter) MustFence() {
	w.slot.mustFence.Store(1) // before the flag: see above
	w.ring.ctl.line.flags.Or(lineFence)
	failpoint.Hit(failpoint.FenceAsked)
}

// freshBell takes away what the receiver before asked for. Precondition: the
// caller holds the receiver's lock and has not attached.
func (r *Ring) freshBell() { r.ctl.doorbell.flags.And(^uint32(bellFence)) }

// Review drops the fence that senders have asked for if no sender is left that
// needs it. It costs one load as long as none does.
func (c *Consumer) Review() {
	if c.ring.ctl.line.flags.Load()&lineFence != 0 {
		c.review()
	}
}

func (c *Consumer) review() {
	// Both only grow, so the sum is another one once either has.
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
