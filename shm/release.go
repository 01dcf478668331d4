package shm

import (
	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/order"
)

// Release gives all that Next returned back to the senders, and wakes those that
// wait for room. It never blocks.
//
// A receiver that is killed in here, or a next one that comes, must not meet again
// what an earlier Release gave back. So where head moves on it moves first: the
// cursor of the batch that was left counts until then, and after it matches head
// no more. Where head stays, in a batch, the cursor alone is stored.
//
// The number of messages before the new head, base, comes before head, and the total
// comes last: progress.go tells why every receiver then counts the same, wherever the
// one before it was killed.
//
// Head is stored at every release, not in strides: its line is read by senders
// only once a lap, when they think that the ring is full, so it costs a plain
// store. A receiver that kept room back and then did something else for long would
// let senders sleep over it.
func (c *Consumer) Release() {
	moves := c.at.pos != c.mark.pos
	if !moves && c.unreleased == 0 {
		c.wakeSenders()
		return
	}
	ctl := c.ring.ctl
	failpoint.Hit(failpoint.BeforeRelease)
	c.taken.messages += c.unreleased
	c.taken.bytes += c.bytes
	c.unreleased, c.bytes = 0, 0
	if moves {
		order.Store64(&ctl.base, baseWord(c.at.pos, c.taken.messages-uint64(c.at.index)))
		failpoint.Hit(failpoint.BaseStored)
		// Gives the room back; pairs with the Load in Producer.refresh.
		order.Store64(&ctl.head, c.at.pos)
		failpoint.Hit(failpoint.HeadStored)
	}
	if c.at.end == 0 && c.mark.end == 0 { // in no batch: the rest of both is zero
		c.mark.pos = c.at.pos
	} else {
		c.mark = c.at
	}
	if c.at.end != 0 || c.marked {
		c.storeCursor()
	}
	order.Store64(&ctl.received, c.taken.messages)
	order.Store64(&ctl.receivedBytes, c.taken.bytes)
	failpoint.Hit(failpoint.ReleaseCounted)
	if c.fence || ctl.line.flags.Load()&(lineWaiting|lineFence) != 0 {
		c.wakeSenders()
	}
}

func (c *Consumer) storeCursor() {
	word := uint64(0) // a stale one must not meet a batch at the same tag, 32 GiB later
	if c.at.end != 0 {
		word = cursorTag(c.at.pos)<<32 | uint64(c.at.index)
	}
	order.Store64(&c.ring.ctl.cursor, word)
	failpoint.Hit(failpoint.CursorStored)
	c.marked = word != 0
}

// Rewind goes back to the first message that was not released.
func (c *Consumer) Rewind() {
	c.at, c.unreleased, c.bytes = c.mark, 0, 0
}
