package shm

import (
	"fmt"
	"runtime"
	"time"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/filelock"
	"github.com/shmchan/shmchan/internal/process"
)

// AttachSender takes a slot: first a free one, else one of a dead sender that
// recovery no longer needs. It gives ErrNoSlot if there is none. interval is the
// time between the owner's beats.
func (s *Segment) AttachSender(o Owner, interval time.Duration) (slot int, err error) {
	// Somebody may be coming, going or reaping just now, and a reaper's lock can't be
	// told from an owner's.
	const rounds = 10
	for range rounds {
		for _, wanted := range []uint32{slotFree, slotLive} {
			for i := range s.ring.slots[1:] {
				if s.ring.slots[1+i].state.Load() != wanted {
					continue
				}
				ok, err := s.takeSlot(i, o, interval)
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

func (s *Segment) takeSlot(i int, o Owner, interval time.Duration) (bool, error) {
	ok, err := filelock.TryLock(s.fd, senderByte(i), 1)
	if !ok || err != nil {
		return false, err
	}
	failpoint.Hit(failpoint.SlotLocked)
	sl, ctl := &s.ring.slots[1+i], s.ring.ctl
	if sl.state.Load() == slotLive { // {live, unlocked} → {live, locked}: its owner died
		if !s.ring.settled(sl) {
			return false, s.unlock(senderByte(i))
		}
		s.ring.vacate(i)
		ctl.deaths.Add(1)
		failpoint.Hit(failpoint.DeadVacated)
	}
	sl.occupy(o, ctl.tail.Load(), int64(interval), process.Monotonic())
	ctl.attached.Add(1)
	ctl.changes.Add(1)
	failpoint.Hit(failpoint.Attached)
	s.ring.RecvBell().Poke() // so that the receiver watches the newcomer
	return true, nil
}

// DetachSender frees the sender's slot: another one may have it at once.
// Precondition: the caller owns it, and no claim is open.
func (s *Segment) DetachSender(slot int) error {
	s.ring.vacate(slot)
	err := s.unlock(senderByte(slot)) // before the count and the poke: who sees them finds no lock
	failpoint.Hit(failpoint.SlotUnlocked)
	s.ring.ctl.changes.Add(1)
	s.ring.RecvBell().Poke()
	return err
}

// Reap frees the slot of a dead sender and tells who that was. It does nothing,
// and reports false, if the owner lives or recovery still needs the slot.
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

// LockReceiver takes the receiver's lock, which only one end holds at a time. It
// reports false if another has it. Attaching is a second step, since whoever
// replaces a dead channel holds the lock too.
func (s *Segment) LockReceiver() (bool, error) { return filelock.TryLock(s.fd, receiverByte, 1) }

// AttachReceiver fills the receiver's slot in. Precondition: LockReceiver.
func (s *Segment) AttachReceiver(o Owner, interval time.Duration) {
	sl, ctl := &s.ring.slots[0], s.ring.ctl
	s.before = ctl.attached.Load()
	sl.occupy(o, ctl.received.Load(), int64(interval), process.Monotonic())
	sl.prevFrom.Store(ctl.receivedBytes.Load())
	ctl.receivers.Add(1)
	ctl.changes.Add(1)
	failpoint.Hit(failpoint.RecvAttached)
	s.ring.WakeSenders() // so that they watch the newcomer
}

// DetachReceiver gives the receiver's slot and lock back.
func (s *Segment) DetachReceiver() error {
	s.ring.slots[0].state.Store(slotFree)
	failpoint.Hit(failpoint.RecvFree)
	err := s.unlock(receiverByte)
	failpoint.Hit(failpoint.RecvUnlocked)
	s.ring.ctl.changes.Add(1)
	s.ring.WakeSenders()
	return err
}

// LockAll takes the locks of all ends, which proves that none is alive, or takes
// none and reports false.
func (s *Segment) LockAll() (bool, error) {
	n := 1 + int64(s.head.maxSenders)
	ok, err := filelock.TryLock(s.fd, receiverByte, n)
	if ok {
		failpoint.Hit(failpoint.AllLocked)
	}
	return ok, err
}

// LockSenders takes the locks of all senders, which proves that none is attached
// and keeps others from attaching, or takes none and reports false. Precondition:
// the caller is the receiver.
func (s *Segment) LockSenders() (bool, error) {
	ok, err := filelock.TryLock(s.fd, senderByte(0), int64(s.head.maxSenders))
	if ok {
		failpoint.Hit(failpoint.SendersLocked)
	}
	return ok, err
}

// UnlockSenders gives them back.
func (s *Segment) UnlockSenders() error {
	return filelock.Unlock(s.fd, senderByte(0), int64(s.head.maxSenders))
}

func (s *Segment) unlock(at int64) error { return filelock.Unlock(s.fd, at, 1) }

// SendersSince reports whether a sender has attached since AttachReceiver.
func (s *Segment) SendersSince() bool { return s.ring.ctl.attached.Load() != s.before }

// ReceiverAttachments returns how many receivers have ever attached.
func (s *Segment) ReceiverAttachments() uint64 { return s.ring.ctl.receivers.Load() }

// Changes returns a count that grows whenever an end attaches, detaches or is
// reaped.
func (s *Segment) Changes() uint64 { return s.ring.ctl.changes.Load() }
