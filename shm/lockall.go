package shm

import (
	"errors"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/filelock"
)

// LockAll proves that no end is alive: it takes the locks of all of them, but for
// those that outlived their owners (alive.go), or takes none and reports false.
//
// A newcomer may take a lock that was left out, if its last holder ends before the
// caller is done: to that one it is as if the channel had been removed by force.
func (s *Segment) LockAll() (bool, error) {
	_, ok, err := s.lockOut(receiverByte, 1+int64(s.head.maxSenders))
	if ok {
		failpoint.Hit(failpoint.AllLocked)
	}
	return ok, err
}

// LockSenders proves that no sender is attached and keeps others from attaching
// until UnlockSenders: it takes the locks of all senders and bars the slots whose
// locks outlived their owners, or does nothing and reports false. Precondition: the
// caller is the receiver, and does not reap meanwhile.
//
// A barred slot is taken by nobody, though its lock becomes free. A newcomer N that
// has the lock swaps the state from live to free (takeSlot), the receiver from live
// to barred: one of them fails, and gives way. Were the slot live again because N
// has finished in between, the generation is another one, and the receiver gives way.
// The receiver may die in here: then the channel is finished and the slot not missed.
// Only the channel that ends is ever barred: a durable one is not latched.
func (s *Segment) LockSenders() (bool, error) {
	left, ok, err := s.lockOut(senderByte(0), int64(s.head.maxSenders))
	if !ok || err != nil {
		return false, err
	}
	for _, l := range left {
		sl := &s.ring.slots[l.at]
		if !sl.state.CompareAndSwap(slotLive, slotBarred) || sl.gen.Load() != l.generation {
			return false, s.UnlockSenders()
		}
		failpoint.Hit(failpoint.SlotBarred)
	}
	failpoint.Hit(failpoint.SendersLocked)
	return true, nil
}

// UnlockSenders lets newcomers attach again.
func (s *Segment) UnlockSenders() error {
	for i := range s.ring.slots[1:] {
		s.ring.slots[1+i].state.CompareAndSwap(slotBarred, slotLive)
	}
	return filelock.Unlock(s.fd, senderByte(0), int64(s.head.maxSenders))
}

// survivor is a lock that outlived its owner.
type survivor struct {
	at         int64
	generation uint32
}

// LockAllFree is LockAll, but reports false too where a lock has outlived its owner:
// once that is free, a newcomer could take it.
func (s *Segment) LockAllFree() (bool, error) {
	ok, err := filelock.TryLock(s.fd, receiverByte, 1+int64(s.head.maxSenders))
	if ok {
		failpoint.Hit(failpoint.AllLocked)
	}
	return ok, err
}

// lockOut takes the n locks from byte from on but for survivors, which it returns,
// or none and reports false.
func (s *Segment) lockOut(from, n int64) (left []survivor, ok bool, err error) {
	if ok, err = filelock.TryLock(s.fd, from, n); ok || err != nil {
		return nil, ok, err
	}
	// Look first: a lock that is only tried for keeps others out as well.
	if alive, err := s.anyAlive(from, n); alive || err != nil {
		return nil, false, err
	}
	if ok, err = s.lockAround(from, n, &left); !ok || err != nil {
		return nil, false, errors.Join(err, filelock.Unlock(s.fd, from, n))
	}
	return left, true, nil
}

func (s *Segment) lockAround(from, n int64, left *[]survivor) (bool, error) {
	for n > 0 {
		if ok, err := filelock.TryLock(s.fd, from, n); ok || err != nil {
			return ok, err
		}
		held, at, err := filelock.Held(s.fd, from, n)
		if err != nil || !held { // somebody came and went
			return false, err
		}
		t, gone := s.outlived(at)
		if !gone {
			return false, nil
		}
		*left = append(*left, survivor{at, t.generation})
		if ok, err := s.lockAround(from, at-from, left); !ok || err != nil {
			return false, err
		}
		from, n = at+1, from+n-at-1
	}
	return true, nil
}
