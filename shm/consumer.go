package shm

import (
	"sync/atomic"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/order"
)

// Consumer is the receiver's side of the ring: where it reads, and what it has
// released. It serves one goroutine at a time.
//
// It reads ahead of what it releases: Next advances, Release gives back everything
// that Next returned, and Rewind returns to the last release; see release.go.
// Senders find room by the published head alone, so a message that was not released
// can't be overwritten.
type Consumer struct {
	ring *Ring
	at   cursor // of the next message
	mark cursor // of the first message that is not released: published head
	from uint64 // position where this receiver began
	skip uint32 // messages of a batch there that an earlier receiver took

	records  uint64      // records with messages that were reached
	seen     counts      // up to at
	taken    counts      // up to mark; the control page has copies
	skipped  uint64      // claims of the dead; the control page has a copy
	halted   atomic.Bool // see Halt
	marked   bool        // the control page's cursor is set
	fence    bool        // this process could not register for membarrier
	reviewed uint64      // see review

	last     lastMessage
	recovery recovery
}

// counts are the messages ever received, and their payload bytes.
type counts struct{ messages, bytes uint64 }

// lastMessage describes the message that Next returned last.
type lastMessage struct {
	pos   uint64 // of its record
	index uint32 // in its batch
	slot  uint16 // of its sender
}

// cursor is a place in the ring: a record, or a message in a batch.
type cursor struct {
	pos   uint64 // of the record
	off   uint64 // of the next message in the batch's payload
	end   uint64 // of the batch's payload; 0: not in a batch
	index uint32 // number of earlier messages in the batch
	slot  uint16 // of the batch's sender
}

// NewConsumer returns the receiver, positioned at the published head. registered
// reports whether this process is registered for membarrier. Precondition: the
// caller holds the receiver's slot.
func (r *Ring) NewConsumer(registered bool) (*Consumer, error) {
	p := r.progress()
	h := p.head
	if h&(recordAlign-1) != 0 {
		return nil, r.corruptControl(headOffset, "head", h, "want a multiple of %d", recordAlign)
	}
	c := &Consumer{ring: r, at: cursor{pos: h}, from: h, fence: !registered}
	c.seen, c.taken, c.skip, c.skipped = p.counts, p.counts, p.skip, p.skipped
	c.marked = r.ctl.cursor.Load() != 0
	c.mark = c.at
	if _, err := c.InFlight(); err != nil { // before any store, so that a damaged file stays as it is
		return c, err
	}
	c.storeCounts(h)
	c.review() // an earlier receiver may have died during its review
	return c, nil
}

// storeCounts completes the counts that an earlier receiver may have stored in part.
// Afterwards both N1 and N2 of progress.go hold at h, the published head.
func (c *Consumer) storeCounts(h uint64) {
	ctl := c.ring.ctl
	order.Store64(&ctl.received, c.taken.messages)
	failpoint.Hit(failpoint.CountsStored)
	order.Store64(&ctl.base, baseWord(h, c.taken.messages-uint64(c.skip)))
	order.Store64(&ctl.skipped, c.skipped)
}

// cursorTag returns the tag of the record that a cursor belongs to: bits 3 to 34 of
// its position.
func cursorTag(pos uint64) uint64 { return pos >> 3 & 0xffffffff }

// Ready reports whether a record is committed at the Consumer's position. It is one
// load, for spinning.
func (c *Consumer) Ready() bool {
	return c.at.end != 0 || c.ring.committed(c.at.pos)
}

// InFlight reports whether senders have claimed more than Next can return: after
// ErrEmpty, whether a claim is in flight. It returns a *CorruptError if tail is
// invalid.
func (c *Consumer) InFlight() (bool, error) {
	r := c.ring
	t := r.ctl.tail.Load()
	if ahead := int64(t - c.mark.pos); ahead < 0 || ahead > int64(r.capacity) || t&(recordAlign-1) != 0 {
		return false, r.corruptControl(tailOffset, "tail", t, "head is %#x in a ring of %d", c.mark.pos, r.capacity)
	}
	return t != c.at.pos, nil
}

// Next returns the next message in place, valid until Release. It returns ErrEmpty
// if the next record is not committed, and a *CorruptError, again at every call, if
// it is invalid. It never blocks.
func (c *Consumer) Next() ([]byte, error) {
	if c.at.end != 0 {
		return c.nextOfBatch()
	}
	r := c.ring
	for range 1 + r.capacity/RecordHeader {
		pos := c.at.pos
		if !r.committed(pos) {
			return nil, ErrEmpty
		}
		m := r.metaAt(pos)
		n := m.length()
		size, ok := r.extent(pos, m)
		if !ok {
			return nil, r.invalidRecord(pos, m)
		}
		switch m.kind() {
		case kindData:
			c.at.pos = pos + size
			c.records++
			c.last = lastMessage{pos: pos, slot: uint16(m.slot())}
			c.seen.messages++
			c.seen.bytes += n
			return r.data[pos&r.mask+RecordHeader:][:n:n], nil
		case kindBatch:
			c.at = cursor{pos: pos, end: n, slot: uint16(m.slot())}
			c.records++
			if c.skip == 0 || pos != c.from {
				c.skip = 0 // it applies to the first record only
				return c.nextOfBatch()
			}
			if err := c.resumeBatch(); err != nil || c.at.end != 0 {
				return c.nextOfBatch()
			}
		case kindPad:
			c.pass(pos + size)
		default:
			return nil, r.invalidRecord(pos, m)
		}
	}
	return nil, ErrEmpty // a lap of padding: senders add more as fast as Next skips it
}

// pass advances to pos without a message. If nothing is unreleased, it releases the
// room at once, since no later Release would.
func (c *Consumer) pass(pos uint64) {
	c.at = cursor{pos: pos}
	if c.Unreleased() == 0 {
		c.Release()
	}
}

// resumeBatch skips the messages of the current batch that an earlier receiver took.
func (c *Consumer) resumeBatch() error {
	for ; c.skip > 0 && c.at.end != 0; c.skip-- {
		if _, err := c.nextOfBatch(); err != nil {
			return err
		}
	}
	c.skip = 0
	c.seen = c.taken
	if c.at.end == 0 { // all of it was taken, so no later Release would give it back
		c.Release()
		return nil
	}
	c.mark = c.at
	return nil
}

// nextOfBatch returns the next message of the current batch. A batch is invalid if
// it is empty or its messages don't end where it does.
func (c *Consumer) nextOfBatch() ([]byte, error) {
	r := c.ring
	start := c.at.pos + RecordHeader + c.at.off
	left := c.at.end - c.at.off
	b := r.data[start&r.mask:][:left]
	n, ok := inBatch(b)
	if !ok {
		return nil, r.invalidInBatch(start, left, n)
	}
	c.last = lastMessage{pos: c.at.pos, index: c.at.index, slot: c.at.slot}
	c.at.off += min(batchSize(n), left)
	c.at.index++
	if c.at.off >= c.at.end {
		c.at = cursor{pos: c.at.pos + r.recordSize(c.at.end)}
	}
	c.seen.messages++
	c.seen.bytes += n
	return b[BatchHeader:][:n:n], nil
}

// Pending reports whether Next would return a message, or an error other than
// ErrEmpty. It takes no message. Like Next, it skips padding and a batch of which
// every message was taken. It never blocks.
func (c *Consumer) Pending() bool {
	r := c.ring
	for range 1 + r.capacity/RecordHeader {
		if c.at.end != 0 {
			return true
		}
		pos := c.at.pos
		if !r.committed(pos) {
			return false
		}
		m := r.metaAt(pos)
		size, ok := r.extent(pos, m)
		switch {
		case ok && m.kind() == kindPad:
			c.pass(pos + size)
		case ok && m.kind() == kindBatch && c.skip > 0 && pos == c.from:
			c.at = cursor{pos: pos, end: m.length(), slot: uint16(m.slot())}
			c.records++
			if c.resumeBatch() != nil {
				return true
			}
		default:
			return true
		}
	}
	return false
}

// Records returns how many records with messages Next has reached.
func (c *Consumer) Records() uint64 { return c.records }

// Position returns the position of the next record, or of the current batch.
func (c *Consumer) Position() uint64 { return c.at.pos }

// Unreleased returns how many messages Next has returned since Release.
func (c *Consumer) Unreleased() int { return int(c.seen.messages - c.taken.messages) }

// Origin describes where a message came from.
type Origin struct {
	Seq      uint64 // its number among all messages received from this ring, from 1
	Position uint64 // of its record
	Index    int    // in its batch
	Slot     int    // of its sender
	PID      int    // of its sender; 0 if the slot has changed hands more than once since
}

// Origin returns the origin of the message that Next returned last.
func (c *Consumer) Origin() Origin {
	o := Origin{
		Seq: c.seen.messages, Position: c.last.pos, Index: int(c.last.index), Slot: int(c.last.slot),
	}
	if 1+o.Slot < len(c.ring.slots) {
		o.PID = c.ring.slots[1+o.Slot].ownerAt(o.Position)
	}
	return o
}
