package shm

import (
	"encoding/binary"
	"errors"
)

// Peeker walks through the messages in a ring without being an endpoint: it writes
// nothing, and senders and receiver go on meanwhile. It stops where tail was when
// the walk began. It serves one goroutine at a time.
//
// No sender may overwrite a record at or above head (I4 of producer.go), so a copy
// is whole if head has not passed the record afterwards:
//
//	P1  stamp at p             as the receiver does
//	P2  length, then payload   word by word, each an atomic load: none of them can
//	                           be satisfied after the next step's
//	P3  head                   not above p, so no claim over these bytes was made
//	P4  stamp at p again       detects a peer that breaks the rules, as far as possible
//
// If head has passed p, the walk continues at head: what lay between was received.
type Peeker struct {
	ring *Ring
	dead func(slot int) bool

	at   uint64 // of the next record, or the current batch
	end  uint64 // tail, when the walk began
	from uint64 // head, when it was last read
	seq  uint64 // messages before the next one
	skip uint32 // messages of the batch at head that were received already

	rest  []byte // of the current batch, a copy; nil: no batch
	start uint64 // of rest
	after uint64 // end of the current batch
	last  Origin // of the message that Next returned last
	err   error  // returned at every further call

	recovery recovery
}

// NewPeeker returns a walk that begins at the published head. dead reports whether
// the owner of a slot is gone according to the kernel.
func (r *Ring) NewPeeker(dead func(slot int) bool) (*Peeker, error) {
	p := &Peeker{ring: r, dead: dead}
	for range peekTries {
		if err := p.begin(); err != nil {
			return nil, err
		}
		p.end = r.ctl.tail.Load()
		if n := int64(p.end - p.at); n >= 0 && n <= int64(r.capacity) && p.end&(recordAlign-1) == 0 {
			return p, nil
		}
		if r.ctl.head.Load() == p.at {
			break
		}
	}
	return nil, r.corruptControl(tailOffset, "tail", p.end, "head is %#x in a ring of %d", p.at, r.capacity)
}

// peekTries bounds how often the receiver may move on while its words are read.
const peekTries = 1000

// Peek returns a Peeker of the segment's ring.
func (s *Segment) Peek() (*Peeker, error) {
	return s.ring.NewPeeker(func(slot int) bool {
		alive, err := s.SenderAlive(slot)
		return !alive && err == nil
	})
}

// begin moves to the published head.
func (p *Peeker) begin() error {
	now := p.ring.progress()
	head := now.head
	if head&(recordAlign-1) != 0 {
		return p.ring.corruptControl(headOffset, "head", head, "want a multiple of %d", recordAlign)
	}
	p.at, p.from, p.seq, p.skip = head, head, now.messages, now.skip
	return nil
}

// Next returns a copy of the next message, which belongs to the caller, and its
// origin. It returns ErrEmpty where the walk ends: at the tail of its beginning, or
// at a claim in flight. It returns a *CorruptError, again at every call, at an
// invalid record. It never blocks.
func (p *Peeker) Next() ([]byte, Origin, error) {
	for p.err == nil {
		if p.rest != nil {
			if msg, ok := p.nextOfBatch(); ok {
				return msg, p.last, nil
			}
			continue
		}
		if int64(p.end-p.at) <= 0 {
			p.err = ErrEmpty
			break
		}
		m, size, payload, err := p.record()
		if err == errInFlight {
			m = makeMeta(0, 0, kindPad) // a dead sender's claim is skipped like padding
			size, err = p.abandoned()
		}
		if moved, merr := p.moved(); merr != nil {
			err = merr
		} else if moved {
			continue
		}
		switch {
		case err == errInFlight:
			p.err = ErrEmpty
		case err != nil:
			p.err = err
		case m.kind() == kindData:
			p.origin(m.slot(), 0)
			p.at += size
			return payload, p.last, nil
		case m.kind() == kindBatch:
			if p.at != p.from {
				p.skip = 0
			}
			p.last = Origin{Index: -1, Slot: m.slot()}
			p.rest, p.start, p.after = payload, p.at+RecordHeader, p.at+size
		case m.kind() == kindPad:
			p.at += size
		default:
			p.err = p.ring.invalidRecord(p.at, m)
		}
	}
	return nil, Origin{}, p.err
}

// moved reports whether the receiver has passed the walk's position. If so, the walk
// continues at head.
func (p *Peeker) moved() (bool, error) {
	if int64(p.ring.ctl.head.Load()-p.at) <= 0 {
		return false, nil
	}
	before := p.at
	if err := p.begin(); err != nil {
		return false, err
	}
	if int64(p.at-before) <= 0 {
		return false, p.ring.corruptControl(headOffset, "head", p.at, "it moved back from above %#x", before)
	}
	return true, nil
}

// nextOfBatch returns the next message of the current batch, unless a receiver took
// it. The batch is a copy, which no peer can change.
func (p *Peeker) nextOfBatch() (msg []byte, ok bool) {
	left := uint64(len(p.rest))
	n, ok := inBatch(p.rest)
	if !ok {
		p.err = p.ring.invalidInBatch(p.start, left, n)
		return nil, false
	}
	msg = p.rest[BatchHeader:][:n:n]
	if received := p.skip > 0; received {
		p.skip--
		p.last.Index++
		ok = false
	} else {
		p.origin(p.last.Slot, p.last.Index+1)
	}
	step := min(batchSize(n), left)
	p.rest, p.start = p.rest[step:], p.start+step
	if len(p.rest) == 0 {
		p.rest, p.at = nil, p.after
	}
	return msg, ok
}

// origin records the origin of the message that is to be returned.
func (p *Peeker) origin(slot, index int) {
	p.seq++
	p.last = Origin{Seq: p.seq, Position: p.at, Index: index, Slot: slot}
	if 1+slot < len(p.ring.slots) {
		p.last.PID = p.ring.slots[1+slot].ownerAt(p.at)
	}
}

// errInFlight means that the next record is not committed and its sender is alive.
var errInFlight = errors.New("claim in flight")

// record copies the record at the walk's position.
func (p *Peeker) record() (m meta, size uint64, payload []byte, err error) {
	r, pos := p.ring, p.at
	if !r.committed(pos) { // P1
		return 0, 0, nil, errInFlight
	}
	m = r.metaAt(pos) // P2
	size, ok := r.extent(pos, m)
	if !ok {
		return m, size, nil, r.invalidRecord(pos, m)
	}
	switch m.kind() {
	case kindPad:
		return m, size, nil, nil
	case kindData, kindBatch:
		payload = r.copyOut(pos+RecordHeader, m.length())
	default:
		return m, size, nil, r.invalidRecord(pos, m)
	}
	if stamp := r.word(pos).Load(); stamp != r.stampAt(pos) { // P4; P3 is the caller's, after any outcome
		err = r.corrupt(pos, "record.stamp", stamp, "it was %#x before", r.stampAt(pos))
	}
	return m, size, payload, err
}

// abandoned returns the size of the claim in flight at the walk's position if its
// sender is dead. Precondition: tail was above that position.
func (p *Peeker) abandoned() (size uint64, err error) {
	if r := p.ring; r.ctl.tail.Load() == p.at {
		return 0, r.corruptControl(tailOffset, "tail", p.at, "it moved back from %#x", p.end)
	}
	end, err := p.recovery.abandoned(p.ring, p.at, p.dead)
	if err == nil && end == p.at {
		err = errInFlight
	}
	return end - p.at, err
}

// copyOut copies n bytes from pos, a multiple of 8, by atomic loads.
func (r *Ring) copyOut(pos, n uint64) []byte {
	dst := make([]byte, n)
	i := uint64(0)
	for ; i+8 <= n; i += 8 {
		binary.NativeEndian.PutUint64(dst[i:], r.word(pos+i).Load())
	}
	if i < n {
		var last [8]byte
		binary.NativeEndian.PutUint64(last[:], r.word(pos+i).Load())
		copy(dst[i:], last[:])
	}
	return dst
}
