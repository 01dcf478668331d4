package ipc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/process"
	"github.com/shmchan/shmchan/shm"
)

// How ends find, make and replace channels.
//
//	missing                              a receiver makes it; a sender with Create too
//	finished (closed, or its receiver    a receiver or a sender with Create takes its
//	dead and not durable)                name away and makes a new one; for other senders
//	                                     it is missing
//	never had a receiver, or durable     a receiver attaches to what is there
//	has a live receiver                  ErrBusy for a second one
//	durable, its receiver dead, but      ErrBusy: the lock is what keeps a second receiver
//	that one's lock held                 out, also one of an earlier version
//
// A channel is made nameless, with its maker attached, and then published by one
// link, so nobody sees it half-made or unowned.
//
// Whoever opens a channel by name takes the lock of its end first, then does all
// that can fail, and attaches last: a failed attempt has changed nothing that
// others could see or count. The first thing behind the lock is to check that the
// name still means this file; else it was replaced or removed meanwhile, and the
// search starts again. A remover of a channel that is not finished holds the locks
// of all ends until the name is gone, so a newcomer either has its lock before,
// and the removal is refused, or finds the name gone.
//
// A finished channel is marked closed by whoever finds it so, at once: by then the
// lock that the finder takes can't make it look alive. That changes nothing:
// finished is final, and every end that looks finds the same.

// maxRaces bounds how often an open starts again because others replace the
// channel all the time.
const maxRaces = 1000

var errAgain = errors.New("the channel was replaced meanwhile")

// again calls try until it no longer returns errAgain.
func again[T any](place shm.Place, try func() (T, error)) (T, error) {
	for range maxRaces {
		v, err := try()
		if !errors.Is(err, errAgain) {
			return v, err
		}
	}
	var none T
	return none, fmt.Errorf("%s is replaced all the time: %w", place.Path(), ErrBusy)
}

// openReceiver returns a segment whose receiver is the caller. prepare does what
// else can fail, with the receiver's lock held and nothing attached yet; it may be
// called again for another segment.
func (s *settings) openReceiver(ctx context.Context, place shm.Place, prepare func(*shm.Segment) error) (*shm.Segment, error) {
	if err := process.StartPoller(); err != nil {
		return nil, err
	}
	defer s.dropSpare()
	return again(place, func() (*shm.Segment, error) {
		seg, err := shm.Open(place)
		if errors.Is(err, fs.ErrNotExist) {
			return s.makeAs(ctx, place, func(seg *shm.Segment) error {
				if _, err := seg.LockReceiver(); err != nil {
					return err
				}
				return s.attachReceiver(seg, prepare)
			})
		}
		if err != nil {
			return nil, err
		}
		if err := s.takeReceiver(ctx, seg, prepare); err != nil {
			return nil, errors.Join(err, seg.Close())
		}
		return seg, nil
	})
}

// takeReceiver makes the caller the segment's receiver, or returns errAgain once it
// has taken the name of a finished channel away, or found it taken.
func (s *settings) takeReceiver(ctx context.Context, seg *shm.Segment, prepare func(*shm.Segment) error) error {
	finished, err := closeFinished(seg)
	if err != nil {
		return err
	}
	if !finished { // a finished one is replaced, whatever boot it is of
		if err := checkBoot(seg); err != nil {
			return err
		}
	}
	ok, err := seg.LockReceiver()
	// A remover has the lock for a moment too: longer where no receiver is attached.
	for round := 0; !ok && err == nil && (round < 10 || round < transient && !seg.ReceiverEndpoint().Live()); round++ {
		time.Sleep(200 * time.Microsecond)
		ok, err = seg.LockReceiver()
	}
	if err != nil {
		return err
	}
	if ok {
		failpoint.Hit(failpoint.RecvLocked)
	}
	if named, err := seg.StillNamed(); err != nil {
		return err
	} else if !named {
		return errAgain
	}
	if !ok {
		return s.receiverBusy(ctx, seg, finished)
	}
	if seg.Ring().Closed() || !seg.Durable() && seg.ReceiverAttachments() > 0 {
		return s.retire(ctx, seg) // its receiver held the lock that we have now
	}
	if err := checkBoot(seg); err != nil {
		return err
	}
	return s.attachReceiver(seg, prepare)
}

// receiverBusy is what takeReceiver comes to where the receiver's lock is held. That of
// a dead receiver, which a child or a core dump keeps, is in the way of a durable
// channel only: one that is finished is replaced without it.
func (s *settings) receiverBusy(ctx context.Context, seg *shm.Segment, finished bool) error {
	dead, _, outlived := seg.Outlived(ownReceiver)
	switch {
	case !seg.ReceiverEndpoint().Live():
		return fmt.Errorf("%s: another process is attaching to it or removing it, and does not get on: %w", seg.Path(), ErrBusy)
	case !outlived:
		return fmt.Errorf("%s has a receiver already: %w", seg.Path(), ErrBusy)
	case finished: // by its death: nobody else becomes its receiver
		return s.retire(ctx, seg)
	}
	return fmt.Errorf("%[1]s: its receiver, process %[2]d, is dead, but its lock is still held, by a process that it forked (end that one; fuser %[1]s shows it) or until its core dump is written: %[3]w",
		seg.Path(), dead.Process.PID, ErrBusy)
}

// attachReceiver attaches the caller, or changes nothing. Precondition: it has the
// receiver's lock.
func (s *settings) attachReceiver(seg *shm.Segment, prepare func(*shm.Segment) error) error {
	// prepare clears away what dead senders left, so a mismatch is looked for before.
	if err := s.sameElement(seg, seg.SetElementType(0)); err != nil {
		return err
	}
	if err := prepare(seg); err != nil {
		return err
	}
	if err := s.checkElement(seg); err != nil {
		return err
	}
	failpoint.Hit(failpoint.MayAttach)
	seg.AttachReceiver(s.owner(), s.Heartbeat)
	return nil
}

// checkElement marks the channel as one of the caller's values, unless it is marked,
// and returns ErrIncompatible if it carries others. It is the last step that can
// fail, since a mark stays.
func (s *settings) checkElement(seg *shm.Segment) error {
	return s.sameElement(seg, seg.SetElementType(s.element))
}

func (s *settings) sameElement(seg *shm.Segment, stands uint64) error {
	if s.element == 0 || stands == 0 || stands == s.element {
		return nil
	}
	return fmt.Errorf("the channel carries values of another layout (fingerprint %#x, this program's is %#x): %w",
		stands, s.element, ErrIncompatible)
}

// checkBoot returns ErrIncompatible for a channel that an earlier boot of the machine
// left. See shm.Segment.OtherBoot for when to call it.
func checkBoot(seg *shm.Segment) error {
	other, err := seg.OtherBoot()
	if err != nil || !other {
		return err
	}
	return fmt.Errorf("%s was made before the machine's last boot, or in a container with a boot id of its own, and no end has it open: "+
		"its messages may have reached the disk in part; use it from where it was made, or move it aside: %w", seg.Path(), ErrIncompatible)
}

// openSender returns a segment with a sender's slot that is the caller's.
func (s *settings) openSender(ctx context.Context, place shm.Place) (seg *shm.Segment, slot int, err error) {
	if err := process.StartPoller(); err != nil {
		return nil, 0, err
	}
	defer s.dropSpare()
	try := func() (*shm.Segment, error) {
		return again(place, func() (*shm.Segment, error) {
			seg, err := shm.Open(place)
			if errors.Is(err, fs.ErrNotExist) && s.Create {
				return s.makeAs(ctx, place, func(seg *shm.Segment) error {
					if slot, err = seg.LockSender(); err != nil {
						return err
					}
					return s.attachSender(seg, slot)
				})
			}
			if err != nil {
				return nil, err
			}
			if slot, err = s.joinAs(ctx, seg); err != nil {
				return nil, errors.Join(err, seg.Close())
			}
			return seg, nil
		})
	}
	seg, err = try()
	if errors.Is(err, fs.ErrNotExist) && s.Wait {
		seg, err = awaitChannel(ctx, place, s.Heartbeat, try)
	}
	return seg, slot, err
}

// attachSender attaches the caller, or changes nothing. Precondition: it has the
// lock of the slot.
func (s *settings) attachSender(seg *shm.Segment, slot int) error {
	if err := s.checkElement(seg); err != nil {
		return err
	}
	failpoint.Hit(failpoint.MayAttach)
	seg.OccupySender(slot, s.owner(), s.Heartbeat)
	return nil
}

// joinAs attaches a sender to a channel that is there. A finished one is missing,
// or with Create replaced.
func (s *settings) joinAs(ctx context.Context, seg *shm.Segment) (slot int, err error) {
	gone := func() error {
		if s.Create {
			return s.retire(ctx, seg)
		}
		return fmt.Errorf("%s: its receiver has gone: %w", seg.Path(), fs.ErrNotExist)
	}
	if finished, err := seg.Finished(); err != nil {
		return 0, err
	} else if finished {
		return 0, gone()
	}
	if err := checkBoot(seg); err != nil {
		return 0, err
	}
	if slot, err = seg.LockSender(); err != nil {
		return 0, s.noSlot(seg, err, gone)
	}
	failpoint.Hit(failpoint.BeforeName)
	var finished bool
	named, err := seg.StillNamed()
	if err == nil && named {
		if finished, err = seg.Finished(); err == nil && !finished {
			if err = checkBoot(seg); err == nil {
				err = s.attachSender(seg, slot)
			}
			if err == nil {
				return slot, nil
			}
		}
	}
	switch err := errors.Join(err, seg.UnlockSender(slot)); {
	case err != nil:
		return 0, err
	case !named:
		return 0, errAgain
	}
	return 0, gone()
}

// noSlot tells what it means that no slot could be locked: a remover, or a receiver
// that closes the channel, holds all of them for a moment.
func (s *settings) noSlot(seg *shm.Segment, err error, gone func() error) error {
	if !errors.Is(err, ErrNoSlot) {
		return err
	}
	if seg.Ring().Closed() {
		return gone()
	}
	if named, nerr := seg.StillNamed(); nerr == nil && !named {
		return errAgain
	}
	if seg.FreeSlots() { // a remover has their locks
		if s.held++; s.held < transient {
			return errAgain
		}
		return fmt.Errorf("%s: another process is removing it, and does not get on: %w", seg.Path(), ErrBusy)
	}
	return err
}

// transient bounds how often a lock is tried again that no end holds: each time takes
// a fifth of a millisecond or more.
const transient = 500
