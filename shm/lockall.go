package shm

import (
	"errors"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/filelock"
)

// LockAll proves that no endpoint is alive: it takes the locks of all endpoints,
// except for those that outlived their owners (alive.go), or takes none and returns
// false.
//
// A newcomer may take an excepted lock if its last holder exits before the caller is
// done. To that newcomer the channel looks as if it had been removed by force.
func (s *Segment) LockAll() (bool, error) {
	_, ok, err := s.lockOut(receiverByte, 1+int64(s.head.maxSenders))
	if ok {
		failpoint.Hit(failpoint.AllLocked)
	}
	return ok, err
}

// LockSenders proves that no sender is attached and keeps others from attaching
// until UnlockSenders: it takes the locks of all senders and bars the slots whose
// locks outlived their owners, or does nothing and returns false. Precondition: the
// caller is the receiver, and does not reap meanwhile.
//
// No process takes a barred slot, even if its lock becomes free. A newcomer N that
// has the lock swaps the state from live to free (lockSlot), the receiver from live
// to barred: one of the swaps fails, and its process gives way. If the slot is live
// again because N has finished in between, the generation has changed, and the
// receiver gives way. If the receiver dies in here, the channel is finished and the
// slot is not missed. Only a channel that ends is ever barred: a durable one is
// never locked this way.
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

// LockAllFree is LockAll, but also returns false if a lock has outlived its owner: a
// newcomer could take that lock as soon as it is free.
func (s *Segment) LockAllFree() (bool, error) {
	ok, err := filelock.TryLock(s.fd, receiverByte, 1+int64(s.head.maxSenders))
	if ok {
		failpoint.Hit(failpoint.AllLocked)
	}
	return ok, err
}

// lockOut takes the n locks from byte from on, except for survivors, which it
// returns; or it takes none and returns false.
func (s *Segment) lockOut(from, n int64) (left []survivor, ok bool, err error) {
	if ok, err = filelock.TryLock(s.fd, from, n); ok || err != nil {
		return nil, ok, err
	}
	// Look first: even a lock that is held only for the attempt keeps others out.
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
		if err != nil || !held { // a process took the lock and released it
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
