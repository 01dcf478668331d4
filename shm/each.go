package shm

import (
	"github.com/shmchan/shmchan/internal/busguard"
	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/order"
)

// Each passes up to limit of the available messages to fn, in place and one by one,
// and releases each after fn returned nil. It is a loop of Next and Release without
// the work that need not be done for every message. It returns how many messages fn
// took, and fn's error. It stops before the next message
//
//   - after Halt, and at a position not below end;
//   - when guard is broken; then the current message is not released either;
//   - wherever Next would not return a message; a call of Next then returns the
//     reason.
//
// If fn fails or panics, the current message comes again after Rewind. fn may call
// Origin and Halt. Each first releases what Next returned before.
func (c *Consumer) Each(limit int, end uint64, guard busguard.Guard, fn func(msg []byte) error) (n int, err error) {
	if c.Unreleased() > 0 {
		c.Release()
	}
	for n < limit && int64(c.at.pos-end) < 0 && !c.halted.Load() {
		var m int
		if c.at.end != 0 || c.atBatch() {
			m, err = c.eachOfBatch(limit-n, guard, fn)
		} else {
			m, err = c.eachRecord(limit-n, end, guard, fn)
		}
		n += m
		if err != nil || guard.Broken() {
			return n, err
		}
		if m > 0 {
			continue
		}
		msg, none := c.Next() // a rare case, or no message
		if none != nil {
			return n, nil
		}
		failpoint.Hit(failpoint.MessageRead)
		if err := fn(msg); err != nil || guard.Broken() {
			return n, err
		}
		c.Release()
		n++
	}
	return n, nil
}

// atBatch advances to the first message of the next record if that is a batch of
// which no message was taken.
func (c *Consumer) atBatch() bool {
	r, pos := c.ring, c.at.pos
	if !r.committed(pos) {
		return false
	}
	m := r.metaAt(pos)
	if _, ok := r.extent(pos, m); !ok || m.kind() != kindBatch || c.skip != 0 {
		return false
	}
	c.records++
	c.at.end, c.at.slot = m.length(), uint16(m.slot())
	c.mark.end, c.mark.slot = c.at.end, c.at.slot
	return true
}

// eachRecord is Each for messages that are records of their own. It stops at any
// other record, and at an invalid one.
func (c *Consumer) eachRecord(limit int, end uint64, guard busguard.Guard, fn func(msg []byte) error) (n int, err error) {
	var (
		r   = c.ring
		ctl = r.ctl
		// What was taken so far.
		pos             = c.at.pos
		messages, bytes = c.taken.messages, c.taken.bytes
	)
	defer func() { // fn may panic
		c.records += uint64(n)
		c.at.pos, c.mark.pos = pos, pos
		c.seen.messages, c.seen.bytes = messages, bytes
		c.taken.messages, c.taken.bytes = messages, bytes
	}()
	for n < limit && int64(pos-end) < 0 && !c.halted.Load() {
		if !r.committed(pos) {
			return n, nil
		}
		m := r.metaAt(pos)
		length := m.length()
		size, ok := r.extent(pos, m)
		if !ok || m.kind() != kindData {
			return n, nil
		}
		failpoint.Hit(failpoint.MessageRead)
		c.last = lastMessage{pos: pos, slot: uint16(m.slot())}
		c.seen.messages = messages + 1
		if err := fn(r.data[pos&r.mask+RecordHeader:][:length:length]); err != nil {
			return n, err
		}
		if guard.Broken() {
			return n, nil
		}
		failpoint.Hit(failpoint.BeforeRelease)
		pos += size
		messages++
		bytes += length
		n++
		ctl.moveHead(pos, messages)
		if c.marked {
			c.unmark()
		}
		ctl.count(messages, bytes)
		if c.fence || ctl.line.flags.Load()&(lineWaiting|lineFence) != 0 {
			c.wakeSenders()
		}
	}
	return n, nil
}

// eachOfBatch is Each in the current batch. It stops before a message that Next
// would find invalid.
//
// While head stays in a batch, base stays too, and the cursor alone counts the
// messages taken of it (N1 of progress.go), so one store publishes that a message
// was taken. The count of all messages follows when the batch is left.
func (c *Consumer) eachOfBatch(limit int, guard busguard.Guard, fn func(msg []byte) error) (n int, err error) {
	var (
		ctl      = c.ring.ctl
		pos, end = c.at.pos, c.at.end
		payload  = c.ring.data[(pos+RecordHeader)&c.ring.mask:][:end]
		tag      = cursorTag(pos) << 32
		// What was taken so far.
		off, index      = c.at.off, c.at.index
		messages, bytes = c.taken.messages, c.taken.bytes
		left            = false
	)
	defer func() { // fn may panic
		if !left {
			c.stay(off, index, messages, bytes)
		}
	}()
	for n < limit && !c.halted.Load() {
		b := payload[off:]
		size, ok := inBatch(b)
		if !ok {
			return n, nil
		}
		failpoint.Hit(failpoint.MessageRead)
		c.last = lastMessage{pos: pos, index: index, slot: c.at.slot}
		c.seen.messages = messages + 1
		if err := fn(b[BatchHeader:][:size:size]); err != nil {
			return n, err
		}
		if guard.Broken() {
			return n, nil
		}
		n++
		after := off + batchSize(size)
		if after >= end {
			left = true
			c.stay(off, index, messages, bytes)
			c.at = cursor{pos: pos + c.ring.recordSize(end)}
			c.seen.messages, c.seen.bytes = messages+1, bytes+size
			c.Release()
			return n, nil
		}
		failpoint.Hit(failpoint.BeforeRelease)
		off = after
		index++
		messages++
		bytes += size
		ctl.storeCursor(tag | uint64(index))
		order.Store64(&ctl.receivedBytes, bytes)
		failpoint.Hit(failpoint.ReleaseCounted)
	}
	return n, nil
}

// stay records what was taken of the current batch, and in all. It copies word by
// word: a longer load of what was just stored would wait until the stores have left
// the core.
func (c *Consumer) stay(off uint64, index uint32, messages, bytes uint64) {
	c.at.off, c.at.index = off, index
	c.mark.off, c.mark.index = off, index
	c.seen.messages, c.seen.bytes = messages, bytes
	c.taken.messages, c.taken.bytes = messages, bytes
	c.marked = c.marked || index != 0
}

// Halt makes Each stop before its next message, for good. It is safe for concurrent
// use.
func (c *Consumer) Halt() { c.halted.Store(true) }
