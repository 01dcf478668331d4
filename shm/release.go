package shm

import (
	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/order"
)

// Release gives everything that Next returned back to the senders, and wakes those
// that wait for room. It never blocks.
//
// If the receiver dies in Release, its successor must not see again what an earlier
// Release gave back. So if head moves, it moves first: until then the cursor of the
// old batch counts, and afterwards it no longer matches head. If head stays, in a
// batch, the cursor alone is stored.
//
// The number of messages before the new head, base, is stored before head. The
// total, received, is stored before both if the cursor alone counted what was taken
// of a batch, and last in any case: progress.go explains why every receiver then
// counts the same, wherever its predecessor was killed.
//
// Head is stored at every release, not in strides: senders read its line only once a
// lap, when the ring looks full to them, so the store is cheap. If a receiver
// withheld room and then did something else for long, senders would sleep although
// there is room.
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
	if c.at.end|c.mark.end != 0 || c.marked { // otherwise neither is in a batch, and the rest of both is zero
		c.markBatch()
	}
	ctl.count(c.taken.messages, c.taken.bytes)
	if c.fence || ctl.line.flags.Load()&(lineWaiting|lineFence) != 0 {
		c.wakeSenders()
	}
}

// releaseOfBatch is Release if head stays: in a batch, or with nothing to give back.
// The cursor alone counts what was taken of a batch; received is brought up to date
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

// markBatch stores how much of the current batch was taken. Outside a batch it
// stores 0, so that a stale cursor never matches a batch with the same tag, 32 GiB
// later.
//
// The mark is copied word by word: a longer load of what was just stored would wait
// until the stores have left the core.
func (c *Consumer) markBatch() {
	c.mark.off, c.mark.end, c.mark.index, c.mark.slot = c.at.off, c.at.end, c.at.index, c.at.slot
	word := uint64(0)
	if c.at.end != 0 {
		word = cursorTag(c.at.pos)<<32 | uint64(c.at.index)
	}
	c.ring.ctl.storeCursor(word)
	c.marked = word != 0
}

// unmark is markBatch outside a batch.
func (c *Consumer) unmark() {
	c.mark = cursor{pos: c.mark.pos}
	c.ring.ctl.storeCursor(0)
	c.marked = false
}

// moveHead gives back the room below head. before is the number of messages there.
func (ctl *control) moveHead(head, before uint64) {
	order.Store64(&ctl.base, baseWord(head, before))
	failpoint.Hit(failpoint.BaseStored)
	// Publishes the room; pairs with the Load in Producer.refresh.
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

// Rewind returns to the first message that was not released.
func (c *Consumer) Rewind() {
	c.at, c.seen = c.mark, c.taken
}
