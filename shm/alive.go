package shm

import "github.com/shmchan/shmchan/internal/filelock"

// An endpoint is alive if the lock of its slot is held and the process table does
// not prove its owner gone (owners.go): a child that was forked without exec, or a
// core dump being written, may hold the lock of a process that never runs again. A
// slot names an owner only if it is live and its words did not change while they
// were read; in any other state the lock alone counts.
//
// Meanwhile the lock may belong to a newcomer that has not changed the words yet. D
// is the dead owner, N a newcomer:
//
//	words          lock            answer
//	live, D        D               alive, unless D dumps core
//	live, D        D's child       gone, as soon as D is
//	live, D        N, by lockSlot  gone. D is. N has not attached: it has counted
//	                               nothing, written no intent, returned from nothing
//	free           N               alive. N is filling the slot in
//	live, N        N               alive
//	live, D        a reaper, a     gone. They are about to find the same
//	               remover
//	barred, D      D's child       alive. Only the receiver that bars it looks then
//
// What the answer "gone" means for a slot that N is just taking:
//
//   - Recovery (R4): the intent at head was read before these words, so it belongs
//     to D or an earlier owner. N stores its own intent after its words. D's claim
//     is never committed.
//   - AnySenderAlive returns false: N comes after the look, as it might have come a
//     moment later. N counts itself in attached before it returns. The look across
//     several slots reads attached before and after, so that it does not miss an N
//     in a later slot because of an M that left an earlier one.
//   - The receiver's closing (LockSenders) then keeps N out, or finds it.
//   - The receiver is gone (Finished): a channel that is not durable is finished by
//     D's death, whatever process takes its lock. Death never finishes a durable
//     one.

// ReceiverAlive reports whether a receiver other than this segment's own is
// attached and alive.
func (s *Segment) ReceiverAlive() (bool, error) { return s.anyAlive(receiverByte, 1) }

// SenderAlive reports whether another open of the file holds the sender's slot and
// the slot's owner is alive.
func (s *Segment) SenderAlive(slot int) (bool, error) { return s.anyAlive(senderByte(slot), 1) }

// AnySenderAlive reports whether SenderAlive is true for any slot. It asks the
// kernel once, and once more for each slot whose lock outlived its owner.
func (s *Segment) AnySenderAlive() (bool, error) {
	attached := &s.ring.ctl.attached
	before := attached.Load()
	alive, err := s.anyAlive(senderByte(0), int64(s.head.maxSenders))
	return alive || err == nil && attached.Load() != before, err
}

// anyAlive reports whether the owner of any of the n endpoint locks from byte from
// on is alive. The kernel names one lock that is held, not necessarily the first.
func (s *Segment) anyAlive(from, n int64) (bool, error) {
	for n > 0 {
		held, at, err := filelock.Held(s.fd, from, n)
		if err != nil || !held {
			return false, err
		}
		if _, gone := s.outlived(at); !gone {
			return true, nil
		}
		if alive, err := s.anyAlive(from, at-from); alive || err != nil {
			return alive, err
		}
		from, n = at+1, from+n-at-1
	}
	return false, nil
}

// Finished reports whether the channel has no future: its receiver has closed it, or
// is dead and the channel is not durable. That is final.
func (s *Segment) Finished() (bool, error) {
	if s.ring.Closed() {
		return true, nil
	}
	if s.Durable() || s.ring.ctl.receivers.Load() == 0 {
		return false, nil
	}
	alive, err := s.ReceiverAlive()
	return !alive && err == nil, err
}

// Outlived reports whether the owner of a sender's slot (or of the receiver's, -1)
// is gone although the slot's lock is still held. If so, it returns the owner and
// its generation.
func (s *Segment) Outlived(slot int) (o Owner, generation uint32, yes bool) {
	at := senderByte(slot)
	if held, _, err := filelock.Held(s.fd, at, 1); err != nil || !held {
		return Owner{}, 0, false
	}
	t, gone := s.outlived(at)
	if !gone {
		return Owner{}, 0, false
	}
	label := s.ring.slots[at].getLabel()
	if now, ok := s.ring.slots[at].tenancy(); !ok || now.generation != t.generation {
		return Owner{}, 0, false
	}
	return Owner{t.process, label}, t.generation, true
}

// AnySenderAttached reports whether a live sender is attached. A process that has
// locked a slot but may still find that it must not attach does not count.
func (s *Segment) AnySenderAttached() (bool, error) {
	for i := range s.ring.Senders() {
		if !s.SenderEndpoint(i).Live() {
			continue
		}
		if alive, err := s.SenderAlive(i); alive || err != nil {
			return alive, err
		}
	}
	return false, nil
}
