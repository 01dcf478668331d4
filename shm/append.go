package shm

import (
	"github.com/shmchan/shmchan/internal/busguard"
	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/order"
)

// Append appends the next message to dst and releases it: Next, a copy and Release
// in one, for the common case. A caller that takes one message at a time would
// otherwise spend as much on these calls, and on the state between them, as on the
// message. In any other case Append takes nothing and returns dst and false: there
// is no message, or an invalid one; messages are unreleased; the message is long; or
// guard is broken, so the bytes read may be zeroes.
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

// appendOfBatch is Append in the current batch.
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
