package shm

import (
	"fmt"
	"runtime"
	"time"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/filelock"
	"github.com/shmchan/shmchan/internal/process"
)

// AttachSender takes a slot for owner o: LockSender and OccupySender in one, for
// callers that have nothing to check in between.
func (s *Segment) AttachSender(o Owner, interval time.Duration) (slot int, err error) {
	if slot, err = s.LockSender(); err == nil {
		s.OccupySender(slot, o, interval)
	}
	return slot, err
}

// LockSender takes the lock of a slot, preferably of a free one, otherwise of a dead
// sender's that recovery no longer needs, which it frees. It returns ErrNoSlot if
// there is none. The caller is not attached yet: it decides whether it may attach,
// and calls OccupySender or UnlockSender.
func (s *Segment) LockSender() (slot int, err error) {
	// Another process may just be attaching, detaching or reaping, and a reaper's
	// lock can't be told from an owner's.
	const rounds = 10
	for range rounds {
		for _, wanted := range []uint32{slotFree, slotLive} {
			for i := range s.ring.slots[1:] {
				if s.ring.slots[1+i].state.Load() != wanted {
					continue
				}
				ok, err := s.lockSlot(i)
				if ok || err != nil {
					return i, err
				}
			}
		}
		runtime.Gosched()
		time.Sleep(100 * time.Microsecond)
	}
	return 0, fmt.Errorf("all %d are taken; make the channel with more, or close senders: %w", s.ring.Senders(), ErrNoSlot)
}

func (s *Segment) lockSlot(i int) (bool, error) {
	ok, err := filelock.TryLock(s.fd, senderByte(i), 1)
	if !ok || err != nil {
		return false, err
	}
	failpoint.Hit(failpoint.SlotLocked)
	sl, ctl := &s.ring.slots[1+i], s.ring.ctl
	if sl.state.Load() == slotLive { // {live, unlocked} → {live, locked}: its owner died
		// The swap fails if the receiver has barred the slot. Otherwise the
		// receiver's swap fails, or finds another generation. The intent is settled,
		// so it may stay until vacate clears it.
		if !s.ring.settled(sl) || !sl.state.CompareAndSwap(slotLive, slotFree) {
			return false, s.unlock(senderByte(i))
		}
		failpoint.Hit(failpoint.DeadFreed)
		s.ring.vacate(i)
		ctl.deaths.Add(1)
		ctl.changes.Add(1)
		failpoint.Hit(failpoint.DeadVacated)
	}
	return true, nil
}

// OccupySender attaches the sender to the slot; it can't fail. Precondition:
// LockSender returned the slot.
func (s *Segment) OccupySender(slot int, o Owner, interval time.Duration) {
	sl, ctl := &s.ring.slots[1+slot], s.ring.ctl
	// What a process that died while freeing the slot has left:
	s.ring.moveCounts(sl)
	s.ring.Waiter(slot).forget()
	sl.occupy(o, ctl.tail.Load(), int64(interval), process.Monotonic())
	ctl.attached.Add(1)
	ctl.changes.Add(1)
	failpoint.Hit(failpoint.Attached)
	s.ring.Doorbell().WakeAll() // so that the receiver watches the new sender
}

// UnlockSender gives back a slot to which no sender has attached. To other processes
// it was merely locked for a moment.
func (s *Segment) UnlockSender(slot int) error {
	err := s.unlock(senderByte(slot))
	s.ring.Doorbell().WakeAll() // a receiver may have mistaken the lock for a sender's
	return err
}

// DetachSender frees the sender's slot, which another sender may take at once.
// Precondition: the caller owns it, and no claim is open.
func (s *Segment) DetachSender(slot int) error {
	s.ring.vacate(slot)
	err := s.unlock(senderByte(slot)) // before the count and the wake: a process that sees them finds no lock
	failpoint.Hit(failpoint.SlotUnlocked)
	s.ring.ctl.changes.Add(1)
	s.ring.Doorbell().WakeAll()
	return err
}

// Reap frees the slot of a dead sender and returns who owned it. It does nothing and
// returns false if the owner is alive or recovery still needs the slot.
func (s *Segment) Reap(slot int) (Owner, bool, error) {
	ok, err := filelock.TryLock(s.fd, senderByte(slot), 1)
	if !ok || err != nil {
		return Owner{}, false, err
	}
	failpoint.Hit(failpoint.ReapLocked)
	sl := &s.ring.slots[1+slot]
	var o Owner
	reaped := sl.state.Load() == slotLive && s.ring.settled(sl)
	if reaped {
		failpoint.Hit(failpoint.ReapDecided)
		o = sl.owner()
		s.ring.vacate(slot)
		s.ring.ctl.deaths.Add(1)
		s.ring.ctl.changes.Add(1)
	}
	err = s.unlock(senderByte(slot))
	failpoint.Hit(failpoint.ReapUnlocked)
	return o, reaped, err
}

// LockReceiver takes the receiver's lock, or returns false if another endpoint holds
// it. Attaching is a second step: a process that replaces a dead channel holds the
// lock too, and a process that finds that it may not attach must not have changed
// anything.
//
// SendersSince reports on senders that attach from here on: a receiver that looks
// for attached senders after this, and attaches later, misses none.
func (s *Segment) LockReceiver() (bool, error) {
	ok, err := filelock.TryLock(s.fd, receiverByte, 1)
	if ok {
		s.before = s.ring.ctl.attached.Load()
	}
	return ok, err
}

// AttachReceiver fills in the receiver's slot, and drops the fence that the previous
// receiver may have asked senders for. It can't fail. Precondition: LockReceiver
// returned true.
func (s *Segment) AttachReceiver(o Owner, interval time.Duration) {
	sl, ctl := &s.ring.slots[0], s.ring.ctl
	s.ring.clearBellFence()
	p := s.ring.progress()
	sl.occupy(o, p.messages, int64(interval), process.Monotonic())
	sl.prevFrom.Store(p.bytes)
	ctl.receivers.Add(1)
	ctl.changes.Add(1)
	failpoint.Hit(failpoint.RecvAttached)
	s.ring.WakeSenders() // so that they watch the new receiver
}

// DetachReceiver gives back the receiver's slot and lock.
func (s *Segment) DetachReceiver() error {
	s.ring.slots[0].state.Store(slotFree)
	failpoint.Hit(failpoint.RecvFree)
	err := s.unlock(receiverByte)
	failpoint.Hit(failpoint.RecvUnlocked)
	s.ring.ctl.changes.Add(1)
	s.ring.WakeSenders()
	return err
}

func (s *Segment) unlock(at int64) error { return filelock.Unlock(s.fd, at, 1) }

// SendersSince reports whether a sender has attached since LockReceiver.
func (s *Segment) SendersSince() bool { return s.ring.ctl.attached.Load() != s.before }

// ReceiverAttachments returns how many receivers have ever attached.
func (s *Segment) ReceiverAttachments() uint64 { return s.ring.ctl.receivers.Load() }

// Changes returns a count that grows whenever an endpoint attaches, detaches or is
// reaped.
func (s *Segment) Changes() uint64 { return s.ring.ctl.changes.Load() }

// FreeSlots reports whether a sender slot is free according to its words, whether or
// not its lock is held.
func (s *Segment) FreeSlots() bool {
	for i := range s.ring.slots[1:] {
		if s.ring.slots[1+i].state.Load() == slotFree {
			return true
		}
	}
	return false
}
