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
// The number of messages before the new head, base, comes before head. The total,
// received, comes before both where the cursor alone told how much of a batch was
// taken, and last in any case: progress.go tells why every receiver then counts the
// same, wherever the one before it was killed.
//
// Head is stored at every release, not in strides: its line is read by senders
// only once a lap, when they think that the ring is full, so it costs a plain
// store. A receiver that kept room back and then did something else for long would
// let senders sleep over it.
func (c *Consumer) Release() {
	if c.at.pos == c.mark.pos {
		c.releaseOfBatch()
		return
	}
	ctl := c.ring.ctl
	failpoint.Hit(failpoint.BeforeRelease)
	if c.mark.end != 0 {
		order.Store64(&ctl.received, c.taken.messages)
		failpoint.Hit(failpoint.ReceivedStored)
	}
	c.taken.messages, c.taken.bytes = c.seen.messages, c.seen.bytes
	ctl.moveHead(c.at.pos, c.taken.messages-uint64(c.at.index))
	c.mark.pos = c.at.pos
	if c.at.end|c.mark.end != 0 || c.marked { // else, in no batch, the rest of both is zero
		c.markBatch()
	}
	ctl.count(c.taken.messages, c.taken.bytes)
	if c.fence || ctl.line.flags.Load()&(lineWaiting|lineFence) != 0 {
		c.wakeSenders()
	}
}

// releaseOfBatch is Release where head stays: in a batch, or if there is nothing to
// give back. The cursor tells what was taken of a batch, alone: `received` follows
// before head moves on.
func (c *Consumer) releaseOfBatch() {
	if c.seen.messages == c.taken.messages {
		c.wakeSenders()
		return
	}
	failpoint.Hit(failpoint.BeforeRelease)
	c.taken.messages, c.taken.bytes = c.seen.messages, c.seen.bytes
	c.markBatch()
	order.Store64(&c.ring.ctl.receivedBytes, c.taken.bytes)
	failpoint.Hit(failpoint.ReleaseCounted)
}

// markBatch stores how much of the batch in hand was taken. A stale cursor must not
// meet a batch at the same tag, 32 GiB later: in no batch, it is 0.
//
// The mark is copied word by word: a longer load of what was just stored waits until
// the stores have left the core.
func (c *Consumer) markBatch() {
	c.mark.off, c.mark.end, c.mark.index, c.mark.slot = c.at.off, c.at.end, c.at.index, c.at.slot
	word := uint64(0)
	if c.at.end != 0 {
		word = cursorTag(c.at.pos)<<32 | uint64(c.at.index)
	}
	c.ring.ctl.storeCursor(word)
	c.marked = word != 0
}

// unmark is markBatch in no batch.
func (c *Consumer) unmark() {
	c.mark = cursor{pos: c.mark.pos}
	c.ring.ctl.storeCursor(0)
	c.marked = false
}

// moveHead gives the room below head back. before is the number of messages there.
func (ctl *control) moveHead(head, before uint64) {
	order.Store64(&ctl.base, baseWord(head, before))
	failpoint.Hit(failpoint.BaseStored)
	// Gives the room back; pairs with the Load in Producer.refresh.
	order.Store64(&ctl.head, head)
	failpoint.Hit(failpoint.HeadStored)
}

func (ctl *control) storeCursor(word uint64) {
	order.Store64(&ctl.cursor, word)
	failpoint.Hit(failpoint.CursorStored)
}

// count stores how much was received in all.
func (ctl *control) count(messages, bytes uint64) {
	order.Store64(&ctl.received, messages)
	order.Store64(&ctl.receivedBytes, bytes)
	failpoint.Hit(failpoint.ReleaseCounted)
}

// Rewind goes back to the first message that was not released.
func (c *Consumer) Rewind() {
	c.at, c.seen = c.mark, c.taken
}
