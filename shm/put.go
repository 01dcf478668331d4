package shm

import (
	"os"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/order"
)

// Put sends msg: Claim, copy, Commit. It gives what Claim gives.
//
// This is the way of nearly every message, so it is the steps of claim.go in a row,
// for the case that nothing is in the way: there is room by the head that was seen
// last, no sender is in line, and none claims just now. Two locked instructions, the lock of the
// Sender and L3, take half of its time; behind each the processor begins anew, so
// what stands behind one should not be reached by a chain of pointers.
func (p *Producer) Put(msg []byte) error {
	n := uint64(len(msg))
	size := (RecordHeader + n + recordAlign - 1) &^ (recordAlign - 1)
	t := p.tail.Load() // L0
	failpoint.Hit(failpoint.TailRead)
	// A t below head makes the difference larger than any ring.
	if n >= p.quick || t-p.head > p.capacity-size || t&(recordAlign-1) != 0 || p.turn.Load() != 0 {
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

// put is Put whatever is in the way. intended says that the slot holds an intent.
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

// copyTo copies msg to dst, which begins at position pos.
//
// On btrfs that is full, making one page of a file writable cleans the others, of a
// file that is written in place too, so that the next store to each of those faults
// again. A store that crosses from one page to the next needs both at once and would
// never be done. So there the bytes of each page are copied by themselves.
func (p *Producer) copyTo(pos uint64, dst, msg []byte) {
	if !p.ring.pagewise {
		Copy(dst, msg)
		return
	}
	page := os.Getpagesize()
	for left := page - int(pos&uint64(page-1)); len(msg) > left; left = page {
		Copy(dst, msg[:left])
		dst, msg = dst[left:], msg[left:]
	}
	Copy(dst, msg)
}

// Copy copies src to dst, which is at least as long, in pieces that stay in the
// cache for whoever reads them next.
func Copy(dst, src []byte) {
	for len(src) > copyPiece {
		copy(dst, src[:copyPiece])
		failpoint.Hit(failpoint.CopyMid)
		dst, src = dst[copyPiece:], src[copyPiece:]
	}
	copy(dst, src)
}
