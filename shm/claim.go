package shm

import (
	"sync/atomic"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/order"
)

// Producer is one sender's hold on the ring: its slot and the claim that it has
// open. It serves one goroutine at a time.
//
// The invariants of a claim, which recovery leans on:
//
//	I1  While tail > p for a claim at p that has no stamp yet, some slot's intent
//	    is p, and that slot's lock is held by the claimer or by nobody.
//	I2  Every intent that was ever stored was a value of tail, so it is a boundary
//	    between records.
//	I3  A record is read only after its stamp was: the stamp is stored last and
//	    once, for a batch too.
//	I4  A claim never covers bytes at or above head + capacity.
//
// The steps, and what a death after each leaves behind:
//
//	L0  p = tail; room against head,     nothing
//	    less what the first in line needs
//	L2  intent = p                       an intent at or above tail: it claims nothing
//	L3  tail: p → p+n, or back to L0     I1: a claim in flight, recover.go skips it
//	L4  length, payload                  the same
//	L5  stamp                            a whole record; the intent is stale and harmless
//	L6  ring the doorbell if asleep      at worst the receiver sleeps out its bound
//
// L2 before L3, else a death in between leaves a claim without an owner. The
// intent stays after L5: cleared before it, a death in between does the same. A
// sender that gives up after L2 (the ring became full) must clear its intent, or
// another sender's dead claim at p waits for this one, which is alive.
type Producer struct {
	// What never changes: copies of what ring and slot lead to, one load away.
	words
	data      []byte
	tail      *atomic.Uint64
	turn      *atomic.Uint64 // beside tail
	intent    *atomic.Uint64
	bell      *doorbellWords // the receiver's
	capacity  uint64
	mask      uint64
	quick     uint64 // messages shorter than this may go the short way: see Put
	stampBase uint64
	ring      *Ring
	slot      *slot
	index     uint16 // of the slot among the senders'
	fence     bool   // this process could not register for membarrier
	waiter    Waiter

	head     uint64 // a head seen lately; the true one is never below it
	messages uint64 // sent, and
	bytes    uint64 // their payload; the slot's words are copies
	pos      uint64 // of the open claim
	size     uint64 // of the open claim's record; 0: none is open
	payload  uint64 // bytes asked for
	next     uint64 // behind the last claim
	fetched  uint64 // lines up to there were asked for
	passing  uint64 // bytes claimed while others were in line, since it gave way
	end      uint64 // behind the last message
	queued   bool   // this sender is in line
	answered uint32 // epoch of the receiver's announcement that this sender rang for
	aside    []byte // the open claim's bytes, if they are not those of the ring
}

// NewProducer returns the sender that owns slot i. Precondition: the caller
// holds the slot (AttachSender), and no other Producer uses it.
func (r *Ring) NewProducer(i int, registered bool) *Producer {
	h := r.ctl.head.Load()
	p := &Producer{
		words: r.words, data: r.data, tail: &r.ctl.tail, turn: &r.ctl.turn, intent: &r.slots[1+i].intent, bell: &r.ctl.doorbell,
		capacity: r.capacity, mask: r.mask, stampBase: r.stampBase,
		ring: r, slot: &r.slots[1+i], index: uint16(i), fence: !registered, waiter: r.Waiter(i), head: h, end: h, fetched: h,
	}
	// Not mirrored, a claim may have to pass the end of the lap first.
	if r.mirrored && !r.pagewise {
		p.quick = r.capacity/2 + 1
	}
	return p
}

// Claim reserves room for a message of n bytes and returns those bytes, in place
// and with what stood there before. They are valid until Commit or Abort, one of
// which must follow. It gives ErrFull if there is no room now, ErrTooLarge beyond
// half the capacity, and a *CorruptError if the ring's words can't be. It never
// blocks: should others move tail on before it maxLost times in a row, which only
// a peer that does nothing else brings about, that is ErrFull too. Precondition:
// no claim is open.
func (p *Producer) Claim(n int) ([]byte, error) {
	if uint64(n) > p.ring.capacity/2 {
		return nil, ErrTooLarge
	}
	b, err := p.claim(uint64(n), false)
	if err == nil && p.ring.pagewise {
		p.aside = make([]byte, n) // the caller's stores may cross pages: see copyTo
		return p.aside, nil
	}
	return b, err
}

// maxLost is how many races for tail a claim may lose.
const maxLost = 1 << 14

// claim is Claim of a length that can be. intended says that the slot holds an
// intent.
func (p *Producer) claim(n uint64, intended bool) ([]byte, error) {
	r := p.ring
	size := r.recordSize(n)
	if !intended { // recovery may wait for whoever holds an intent
		p.giveWay(size)
	}
	lost, elected := 0, false
	for {
		t := r.ctl.tail.Load() // L0
		failpoint.Hit(failpoint.TailRead)
		want := size
		if rest := r.capacity - t&r.mask; !r.mirrored && rest < size {
			want = rest
		}
		total := want + r.reserve(int(p.index))
		if room := r.capacity - (t - p.head); room < total || room > r.capacity || t&(r.align-1) != 0 {
			ok, err := p.refresh(t, total)
			if !ok && err == nil && total > want && !elected {
				// Perhaps for the sake of one that has left, since a death between two steps
				// of line.go leaves such a turn, or that does not run; and nobody else may be
				// there to see that.
				p.waiter.settle()
				elected = true
				continue
			}
			if !ok || err != nil {
				if intended {
					order.Store64(&p.slot.intent, noIntent)
					failpoint.Hit(failpoint.GaveUp)
				}
				if err == nil {
					err = ErrFull
				}
				return nil, err
			}
		}
		order.Store64(&p.slot.intent, t|1) // L2
		failpoint.Hit(failpoint.IntentStored)
		intended = true
		if !r.ctl.tail.CompareAndSwap(t, t+want) { // L3
			if lost++; lost < maxLost {
				continue
			}
			order.Store64(&p.slot.intent, noIntent)
			return nil, ErrFull
		}
		failpoint.Hit(failpoint.TailMoved)
		p.pos, p.size, p.payload, p.next = t, want, n, t+want
		if want < size {
			p.Abort()  // the rest of the lap, on the heap only
			p.Notify() // the message may find no room now
			intended = false
			continue
		}
		p.fetchAhead(want)
		p.Leave() // before the payload is copied: the next one in line may claim meanwhile
		off := t & r.mask
		return r.data[off+RecordHeader:][:n:n], nil
	}
}

// refresh reads head anew and reports whether want bytes fit behind tail t. A
// tail that was read before head may lie below it, since head moves on: then the
// compare-and-swap fails and the claim starts over.
func (p *Producer) refresh(t, want uint64) (bool, error) {
	r := p.ring
	h := r.ctl.head.Load()
	used := int64(t - h)
	switch {
	case (t|h)&(r.align-1) != 0:
		return false, r.corruptControl(tailOffset, "tail", t, "tail and head %#x must be multiples of %d", h, r.align)
	case used > int64(r.capacity):
		return false, r.corruptControl(tailOffset, "tail", t, "it lies %d bytes above head %#x in a ring of %d", used, h, r.capacity)
	case used < 0:
		if t2 := r.ctl.tail.Load(); int64(t2-h) < 0 {
			return false, r.corruptControl(tailOffset, "tail", t2, "it lies below head %#x", h)
		}
		p.head = t // harmless: the CAS of a stale t fails
		return true, nil
	}
	p.head = h
	return used+int64(want) <= int64(r.capacity), nil
}

// Join takes a place in line for a message of n bytes, which the claim of such a
// message gives up; see line.go.
func (p *Producer) Join(n int, from uint64) {
	p.queued = true
	p.waiter.Join(n, from)
}

// Leave gives the place in line up, if this sender has one.
func (p *Producer) Leave() {
	if p.queued {
		p.queued = false
		p.waiter.Leave()
	}
}

// Open reports whether a claim is open.
func (p *Producer) Open() bool { return p.size != 0 }

// End returns the position behind the last message that was committed: once head
// has reached it, all that this Producer sent has been received.
func (p *Producer) End() uint64 { return p.end }

// Abort turns the open claim into padding: nothing is received.
func (p *Producer) Abort() {
	failpoint.Hit(failpoint.AbortBegun)
	p.aside = nil
	p.publish(kindPad, p.size-RecordHeader)
}

// Commit publishes the open claim as one message.
func (p *Producer) Commit() {
	if p.aside != nil {
		p.copyTo(p.pos+RecordHeader, p.data[(p.pos+RecordHeader)&p.mask:][:len(p.aside)], p.aside)
		p.aside = nil
	}
	p.publish(kindData, p.payload)
	p.count(1, p.payload)
}

// publish stores the record's second word and then its stamp (L5).
func (p *Producer) publish(kind uint8, length uint64) {
	order.Store64(p.word(p.pos+8), uint64(makeMeta(length, p.index, kind)))
	failpoint.Hit(failpoint.MetaStored)
	// Publishes the record; pairs with the Loads in Consumer.Next and Recover.
	order.Store64(p.word(p.pos), p.stampBase+p.pos)
	failpoint.Hit(failpoint.Stamped)
	p.size = 0
}

// count adds to what stat shows; only this Producer writes there.
func (p *Producer) count(messages, bytes uint64) {
	p.end = p.next
	p.messages += messages
	p.bytes += bytes
	order.Store64(&p.slot.messages, p.messages)
	order.Store64(&p.slot.bytes, p.bytes)
}
