package shm

import "github.com/shmchan/shmchan/internal/filelock"

// Alive: what the kernel says of an end. It is alive if the lock of its slot is held
// and the slot's owner is not gone by the process table (owners.go): a child that was
// forked without exec, and the writing of a core dump, hold the lock of a process
// that never runs again. Only a slot that is live, and whose words did not change
// while they were read, names an owner; in any other state the lock alone counts.
//
// The lock may by then be a newcomer's, who has not changed the words yet:
//
//	words          lock            the answer
//	live, D        D               alive, unless D dumps core
//	live, D        D's child       gone, once D is
//	live, D        N, by takeSlot  gone. D is. N has not attached: it has counted
//	                               nothing, written no intent, returned from nothing
//	free           N               alive. N is filling the slot in
//	live, N        N               alive
//	live, D        a reaper, a     gone. It is what they are about to find out too
//	               remover
//	barred, D      D's child       alive. Only the receiver that bars it looks then
//
// What is made of the answer "gone" about a slot that N is just taking:
//
//   - Recovery (R4): the intent at head was read before these words, so it was D's, or
//     that of one before D. N's own comes after its words. D's claim never comes.
//   - Nobody is left (AnySenderAlive): N comes after the look, as it might have come a
//     moment later. N counts itself in attached, then returns; the look across several
//     slots reads attached before and after, so that it does not miss an N in a slot
//     behind it because of an M that left from one before it.
//   - The latch (LockSenders) then keeps N out, or finds it.
//   - The receiver is gone (Finished): a channel that is not durable is finished by
//     D's death, whoever takes its lock. A durable one never is, by death.

// ReceiverAlive reports whether a receiver other than this segment's own is
// attached and alive.
func (s *Segment) ReceiverAlive() (bool, error) { return s.anyAlive(receiverByte, 1) }

// SenderAlive reports whether another open holds the sender's slot and its owner is
// alive.
func (s *Segment) SenderAlive(slot int) (bool, error) { return s.anyAlive(senderByte(slot), 1) }

// AnySenderAlive reports whether SenderAlive holds for any slot. It asks the kernel
// once, and once more for each slot whose owner is gone but for its lock.
func (s *Segment) AnySenderAlive() (bool, error) {
	attached := &s.ring.ctl.attached
	before := attached.Load()
	alive, err := s.anyAlive(senderByte(0), int64(s.head.maxSenders))
	return alive || err == nil && attached.Load() != before, err
}

// anyAlive reports whether the owner of one of the n locks from byte from on, all of
// ends, is alive. The kernel names one lock that is held, not the first.
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

// Finished reports whether the channel has no future: its receiver has closed, or
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

// Outlived returns the owner of a sender's slot, or of the receiver's, -1, and the
// owner's generation, if the owner is gone but the lock of the slot is held all the
// same.
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

// AnySenderAttached reports whether a sender is attached that is alive. A process
// that has locked a slot and may yet find that it must not attach is none.
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
