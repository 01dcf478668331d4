package shm

import (
	"sync/atomic"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/order"
)

// Producer is one sender's side of the ring: its slot and its open claim. It serves
// one goroutine at a time.
//
// The invariants of a claim, on which recovery relies:
//
//	I1  While tail > p and the claim at p has no stamp yet, some slot's intent is p,
//	    and that slot's lock is held by the claimer or by no process.
//	I2  Every intent ever stored was a value of tail, so it is a boundary between
//	    records.
//	I3  A record is read only after its stamp: the stamp is stored last and once,
//	    for a batch too.
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
//	L6  notify a sleeping receiver       at worst the receiver sleeps out its bound
//
// L2 precedes L3, or a death in between would leave a claim without an owner. The
// intent stays after L5: if it were cleared earlier, a death before L5 would do the
// same. A sender that gives up after L2 (the ring became full) must clear its
// intent, or recovery of another sender's dead claim at p would wait for this
// sender, which is alive.
type Producer struct {
	// Immutable: copies of what ring and slot point to, one load away.
	words
	data      []byte
	tail      *atomic.Uint64
	turn      *atomic.Uint64 // beside tail
	intent    *atomic.Uint64
	bell      *doorbellWords // the receiver's
	capacity  uint64
	mask      uint64
	fastBelow uint64 // shorter messages may take the fast path: see Put
	stampBase uint64
	ring      *Ring
	slot      *slot
	index     uint16 // of the slot among the senders'
	fence     bool   // this process could not register for membarrier
	waiter    Waiter

	head     uint64 // a recent head; the true one is never below it
	messages uint64 // sent; the slot's words are copies
	bytes    uint64 // payload sent
	pos      uint64 // of the open claim
	size     uint64 // of the open claim's record; 0: no claim is open
	payload  uint64 // bytes that the open claim's caller wants
	next     uint64 // end of the last claim
	fetched  uint64 // end of the prefetched cache lines
	passing  uint64 // bytes claimed past senders in line since the last yield
	end      uint64 // end of the last message
	queued   bool   // this sender is in line
	answered uint32 // epoch of the last announcement that this sender answered
	staging  []byte // the open claim's bytes, if they are not in the ring
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
	// Without a mirror, a claim may have to skip the end of the lap first.
	if r.mirrored && !r.pagewise {
		p.fastBelow = r.capacity/2 + 1
	}
	return p
}

// Put sends msg: Claim, copy, Commit. It returns the errors of Claim.
//
// This is the fast path of nearly every message: the steps above in a row, for
// the case that there is room by the cached head, no sender is in line, and no other
// sender claims at the same time. Two locked instructions, the lock of the Sender
// and L3, take half of its time. After each of them the pipeline starts over, so the
// data needed next should not be reached through a chain of pointers.
func (p *Producer) Put(msg []byte) error {
	n := uint64(len(msg))
	size := (RecordHeader + n + recordAlign - 1) &^ (recordAlign - 1)
	t := p.tail.Load() // L0
	failpoint.Hit(failpoint.TailRead)
	// If t is below head, the difference exceeds any capacity.
	if n >= p.fastBelow || t-p.head > p.capacity-size || t&(recordAlign-1) != 0 || p.turn.Load() != 0 {
		return p.put(msg, false)
	}
	order.Store64(p.intent, t|1) // L2
	failpoint.Hit(failpoint.IntentStored)
	if !p.tail.CompareAndSwap(t, t+size) { // L3
		return p.put(msg, true)
	}
	failpoint.Hit(failpoint.TailMoved)
	p.pos, p.size, p.next = t, size, t+size
	p.fetchAhead(size)
	Copy(p.data[t&p.mask+RecordHeader:][:n], msg) // L4
	p.publish(kindData, n)
	p.count(1, n)
	return nil
}

// put is the slow path of Put. intended reports whether the slot holds an intent.
func (p *Producer) put(msg []byte, intended bool) error {
	n := uint64(len(msg))
	if n > p.ring.capacity/2 {
		return ErrTooLarge
	}
	b, err := p.claim(n, intended)
	if err != nil {
		return err
	}
	p.copyTo(p.pos+RecordHeader, b, msg)
	p.publish(kindData, n)
	p.count(1, n)
	return nil
}

// Open reports whether a claim is open.
func (p *Producer) Open() bool { return p.size != 0 }

// End returns the position after the last committed message: once head has reached
// it, everything that this Producer sent has been received.
func (p *Producer) End() uint64 { return p.end }

// Abort turns the open claim into padding; nothing is received.
func (p *Producer) Abort() {
	failpoint.Hit(failpoint.AbortBegun)
	p.staging = nil
	p.publish(kindPad, p.size-RecordHeader)
}

// Commit publishes the open claim as one message.
func (p *Producer) Commit() {
	if p.staging != nil {
		p.copyTo(p.pos+RecordHeader, p.data[(p.pos+RecordHeader)&p.mask:][:len(p.staging)], p.staging)
		p.staging = nil
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

// count updates the counters that stat shows; only this Producer writes them.
func (p *Producer) count(messages, bytes uint64) {
	p.end = p.next
	p.messages += messages
	p.bytes += bytes
	order.Store64(&p.slot.messages, p.messages)
	order.Store64(&p.slot.bytes, p.bytes)
}
