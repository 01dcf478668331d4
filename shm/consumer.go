package shm

import (
	"sync/atomic"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/order"
)

// Consumer is the receiver's hold on the ring: where it reads, and what it has
// given back. It serves one goroutine at a time.
//
// It reads ahead of what it releases: Next walks on, Release gives back all that
// Next returned, Rewind walks back to there; release.go has both. Room is counted
// by the published head alone, so nothing that was not released can be overwritten.
type Consumer struct {
	ring *Ring
	at   cursor // of the next message
	mark cursor // what was released: published head
	from uint64 // where this receiver began
	skip uint32 // messages of a batch there that a receiver before took

	records  uint64 // with messages that Next has come to
	seen     counts // up to at
	taken    counts // up to mark; the control page has copies
	skipped  uint64 // claims of the dead; the control page has a copy
	halted   atomic.Bool
	marked   bool   // the control page's cursor is set
	fence    bool   // this process could not register for membarrier
	reviewed uint64 // when the fence that senders ask for was reviewed last: see review

	last     lastMessage
	recovery recovery
}

// counts are of messages and their payload, ever received.
type counts struct{ messages, bytes uint64 }

// lastMessage is what Next returned last.
type lastMessage struct {
	pos   uint64 // of its record
	index uint32 // in its batch
	slot  uint16 // of its sender
}

// cursor is a place in the ring: a record, or a message of a batch.
type cursor struct {
	pos   uint64 // of the record
	off   uint64 // of the next message in the batch's payload
	end   uint64 // of the batch's payload; 0: not in a batch
	index uint32 // messages of the batch that lie before
	slot  uint16 // of the batch's sender
}

// NewConsumer returns the receiver, at published head. registered says whether
// this process is registered for membarrier. Precondition: the caller holds the
// receiver's slot.
func (r *Ring) NewConsumer(registered bool) (*Consumer, error) {
	p := r.progress()
	h := p.head
	if h&(recordAlign-1) != 0 {
		return nil, r.corruptControl(headOffset, "head", h, "it must be a multiple of %d", recordAlign)
	}
	c := &Consumer{ring: r, at: cursor{pos: h}, from: h, fence: !registered}
	c.seen, c.taken, c.skip, c.skipped = p.counts, p.counts, p.skip, p.skipped
	c.marked = r.ctl.cursor.Load() != 0
	c.mark = c.at
	if _, err := c.InFlight(); err != nil { // before anything is stored: a damaged file stays as it is
		return c, err
	}
	c.storeCounts(h)
	c.review() // whatever a receiver that died over it has left
	return c, nil
}

// storeCounts makes the counts whole again that the receiver before may have left in
// part: N1 and N2 of progress.go both hold then, at h, published head.
func (c *Consumer) storeCounts(h uint64) {
	ctl := c.ring.ctl
	order.Store64(&ctl.received, c.taken.messages)
	failpoint.Hit(failpoint.CountsStored)
	order.Store64(&ctl.base, baseWord(h, c.taken.messages-uint64(c.skip)))
	order.Store64(&ctl.skipped, c.skipped)
}

// cursorTag tells which record a cursor belongs to: bits 3 to 34 of its position.
func cursorTag(pos uint64) uint64 { return pos >> 3 & 0xffffffff }

// Ready reports whether a record is there. It is one load, for spinning.
func (c *Consumer) Ready() bool {
	return c.at.end != 0 || c.ring.committed(c.at.pos)
}

// InFlight reports whether senders have claimed beyond what Next can return:
// after ErrEmpty, that a claim is in flight. It gives a *CorruptError if tail
// can't be.
func (c *Consumer) InFlight() (bool, error) {
	r := c.ring
	t := r.ctl.tail.Load()
	if ahead := int64(t - c.mark.pos); ahead < 0 || ahead > int64(r.capacity) || t&(recordAlign-1) != 0 {
		return false, r.corruptControl(tailOffset, "tail", t, "head is %#x in a ring of %d", c.mark.pos, r.capacity)
	}
	return t != c.at.pos, nil
}

// Next returns the next message in place. It is valid until Release. It gives
// ErrEmpty if the next record is not committed, and a *CorruptError, again at
// every call, if it can't be one. It never blocks.
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
			return nil, r.misfit(pos, m)
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
				c.skip = 0 // it was of the first record
				return c.nextOfBatch()
			}
			if err := c.resumeBatch(); err != nil || c.at.end != 0 {
				return c.nextOfBatch()
			}
		case kindPad:
			c.pass(pos + size)
		default:
			return nil, r.misfit(pos, m)
		}
	}
	return nil, ErrEmpty // a lap of padding: more of it comes as fast as it is passed
}

// pass goes on to pos without a message. If nothing waits to be released, the
// room is given back at once: nobody else would.
func (c *Consumer) pass(pos uint64) {
	c.at = cursor{pos: pos}
	if c.Unreleased() == 0 {
		c.Release()
	}
}

// resumeBatch passes the messages of the batch in hand that a receiver before
// this one took.
func (c *Consumer) resumeBatch() error {
	for ; c.skip > 0 && c.at.end != 0; c.skip-- {
		if _, err := c.nextOfBatch(); err != nil {
			return err
		}
	}
	c.skip = 0
	c.seen = c.taken
	if c.at.end == 0 { // all of it was taken: nobody else gives it back
		c.Release()
		return nil
	}
	c.mark = c.at
	return nil
}

// nextOfBatch returns the next message of the batch in hand. An empty batch can't
// be, and neither can one whose messages don't end where it does.
func (c *Consumer) nextOfBatch() ([]byte, error) {
	r := c.ring
	start := c.at.pos + RecordHeader + c.at.off
	left := c.at.end - c.at.off
	b := r.data[start&r.mask:][:left]
	n, ok := inBatch(b)
	if !ok {
		return nil, r.misfitInBatch(start, left, n)
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

// Pending reports whether Next would return a message, or an error but ErrEmpty. It
// takes no message; what is nothing to receive, padding and a batch of which all was
// taken, it passes as Next does. It never blocks.
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

// Records returns how many records with messages Next has come to.
func (c *Consumer) Records() uint64 { return c.records }

// Position returns where the next record is read, or the batch in hand lies.
func (c *Consumer) Position() uint64 { return c.at.pos }

// Unreleased returns how many messages Next has returned since Release.
func (c *Consumer) Unreleased() int { return int(c.seen.messages - c.taken.messages) }

// Origin tells where the last message came from.
type Origin struct {
	Seq      uint64 // its number among all that receivers of this ring took, from 1
	Position uint64 // of its record
	Index    int    // in its batch
	Slot     int    // of its sender
	PID      int    // of its sender; 0 if the slot has changed hands more than once since
}

// Origin returns where the message that Next returned last came from.
func (c *Consumer) Origin() Origin {
	o := Origin{
		Seq: c.seen.messages, Position: c.last.pos, Index: int(c.last.index), Slot: int(c.last.slot),
	}
	if 1+o.Slot < len(c.ring.slots) {
		o.PID = c.ring.slots[1+o.Slot].ownerAt(o.Position)
	}
	return o
}
