package shm

import (
	"github.com/shmchan/shmchan/internal/busguard"
	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/order"
)

// Append appends the next message to dst and releases it: Next, a copy and Release in
// one, for the case that nothing is in the way. It returns dst and false, and has
// taken nothing, where something is: no message is there, or what there is can't be
// one; there are messages that were not released; the message is a long one; or guard
// is broken, and what was read may be zeroes. Those who take one message at a time
// spend as much on the calls, and on keeping what lies between them, as on the message.
func (c *Consumer) Append(dst []byte, guard busguard.Guard) ([]byte, bool) {
	if c.seen.messages != c.taken.messages {
		return dst, false
	}
	if c.at.end != 0 || c.atBatch() {
		return c.appendOfBatch(dst, guard)
	}
	r, pos := c.ring, c.at.pos
	if !r.committed(pos) {
		return dst, false
	}
	m := r.metaAt(pos)
	n := m.length()
	size, ok := r.extent(pos, m)
	if !ok || m.kind() != kindData || n > copyPiece {
		return dst, false
	}
	failpoint.Hit(failpoint.MessageRead)
	longer := append(dst, r.data[pos&r.mask+RecordHeader:][:n]...)
	if guard.Broken() {
		return dst, false
	}
	c.records++
	c.last = lastMessage{pos: pos, slot: uint16(m.slot())}
	c.at.pos = pos + size
	c.seen.messages++
	c.seen.bytes += n
	c.Release()
	return longer, true
}

// appendOfBatch is Append in the batch in hand.
func (c *Consumer) appendOfBatch(dst []byte, guard busguard.Guard) ([]byte, bool) {
	r, left := c.ring, c.at.end-c.at.off
	b := r.data[(c.at.pos+RecordHeader+c.at.off)&r.mask:][:left]
	n, ok := inBatch(b)
	if !ok || n > copyPiece {
		return dst, false
	}
	failpoint.Hit(failpoint.MessageRead)
	longer := append(dst, b[BatchHeader:][:n]...)
	if guard.Broken() {
		return dst, false
	}
	c.last = lastMessage{pos: c.at.pos, index: c.at.index, slot: c.at.slot}
	if size := batchSize(n); size < left {
		failpoint.Hit(failpoint.BeforeRelease)
		c.stay(c.at.off+size, c.at.index+1, c.taken.messages+1, c.taken.bytes+n)
		r.ctl.storeCursor(cursorTag(c.at.pos)<<32 | uint64(c.at.index))
		order.Store64(&r.ctl.receivedBytes, c.taken.bytes)
		failpoint.Hit(failpoint.ReleaseCounted)
		return longer, true
	}
	c.at = cursor{pos: c.at.pos + r.recordSize(c.at.end)}
	c.seen.messages++
	c.seen.bytes += n
	c.Release()
	return longer, true
}
