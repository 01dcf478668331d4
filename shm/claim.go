package shm

import (
	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/order"
)

// Claim reserves room for a message of n bytes and returns those bytes of the ring,
// with their previous contents. The slice is valid until Commit or Abort, one of
// which must follow. Claim returns ErrFull if there is no room, ErrTooLarge if n
// exceeds half the capacity, and a *CorruptError if the ring's words are invalid. It
// never blocks: it also returns ErrFull after losing the race for tail maxLost times
// in a row, which only a hostile peer can cause. Precondition: no claim is open.
func (p *Producer) Claim(n int) ([]byte, error) {
	if uint64(n) > p.ring.capacity/2 {
		return nil, ErrTooLarge
	}
	b, err := p.claim(uint64(n), false)
	if err == nil && p.ring.pagewise {
		p.staging = make([]byte, n) // the caller's stores may cross a page boundary: see copyTo
		return p.staging, nil
	}
	return b, err
}

// maxLost is how many races for tail a claim may lose.
const maxLost = 1 << 14

// claim is Claim for a length within the limit. intended reports whether the slot
// holds an intent.
func (p *Producer) claim(n uint64, intended bool) ([]byte, error) {
	r := p.ring
	size := r.recordSize(n)
	if !intended { // never yield with an intent stored: recovery may be waiting for its holder
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
				// The first in line may have left, since a death between two steps
				// of line.go leaves such a turn, or it may not be running, and no
				// other process may be there to notice.
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
			p.Abort()  // the end of the lap, on the heap only
			p.Notify() // the claim may find no room for the message now
			intended = false
			continue
		}
		p.fetchAhead(want)
		p.Leave() // before the payload is copied, so that the next in line may claim meanwhile
		off := t & r.mask
		return r.data[off+RecordHeader:][:n:n], nil
	}
}

// refresh reloads head and reports whether want bytes fit behind tail t. A t that
// was read before head may lie below it, since head moves on: then the
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
		p.head = t // harmless: the compare-and-swap of a stale t fails
		return true, nil
	}
	p.head = h
	return used+int64(want) <= int64(r.capacity), nil
}

// Join takes a place in line for a message of n bytes. The claim of such a message
// gives the place up; see line.go.
func (p *Producer) Join(n int, from uint64) {
	p.queued = true
	p.waiter.Join(n, from)
}

// Leave gives up the place in line, if this sender has one.
func (p *Producer) Leave() {
	if p.queued {
		p.queued = false
		p.waiter.Leave()
	}
}
