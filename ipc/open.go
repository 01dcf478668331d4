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
// link, so nobody sees it half-made or unowned. Whoever opens one by name locks
// its end first and then checks that the name still means this file; else it was
// replaced meanwhile, and the search starts again.

// maxRaces bounds how often an open starts again because others replace the
// channel all the time.
const maxRaces = 1000

var errAgain = errors.New("the channel was replaced meanwhile")

// again calls try until it no longer gives errAgain.
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

// openReceiver returns a segment whose receiver is the caller.
func (s *settings) openReceiver(ctx context.Context, place shm.Place) (*shm.Segment, error) {
	if err := process.StartPoller(); err != nil {
		return nil, err
	}
	return again(place, func() (*shm.Segment, error) {
		seg, err := shm.Open(place)
		if errors.Is(err, fs.ErrNotExist) {
			return s.makeAs(ctx, place, func(seg *shm.Segment) error {
				if _, err := seg.LockReceiver(); err != nil {
					return err
				}
				seg.SetElementType(s.element)
				seg.AttachReceiver(s.owner(), s.Heartbeat)
				return nil
			})
		}
		if err != nil {
			return nil, err
		}
		if err := s.takeReceiver(seg); err != nil {
			return nil, errors.Join(err, seg.Close())
		}
		return seg, nil
	})
}

// takeReceiver makes the caller the segment's receiver, or gives errAgain once
// it has taken the name of a finished channel away.
func (s *settings) takeReceiver(seg *shm.Segment) error {
	finished, err := seg.Finished()
	if err != nil {
		return err
	}
	if finished { // for good: the lock that follows must not make it look alive
		seg.Ring().Close()
	}
	ok, err := seg.LockReceiver()
	// Whoever removes the channel has the lock for a moment too.
	for round := 0; !ok && err == nil && round < 10; round++ {
		time.Sleep(200 * time.Microsecond)
		ok, err = seg.LockReceiver()
	}
	if err != nil {
		return err
	}
	if !ok {
		dead, _, outlived := seg.Outlived(ownReceiver)
		switch {
		case !outlived:
			return fmt.Errorf("%s has a receiver already: %w", seg.Path(), ErrBusy)
		case finished: // by its death: nobody else becomes its receiver
			return s.retire(seg)
		}
		return fmt.Errorf("%[1]s: its receiver, process %[2]d, is dead, but its lock is still held, by a process that it forked (end that one; fuser %[1]s shows it) or until its core dump is written: %[3]w",
			seg.Path(), dead.Process.PID, ErrBusy)
	}
	failpoint.Hit(failpoint.RecvLocked)
	if named, err := seg.StillNamed(); err != nil {
		return err
	} else if !named {
		return errAgain
	}
	if seg.Ring().Closed() || !seg.Durable() && seg.ReceiverAttachments() > 0 {
		return s.retire(seg) // its receiver held the lock that we have now
	}
	if seg.OtherBoot() {
		return otherBoot(seg)
	}
	// Before attaching: a receiver that attached and went would end the channel.
	if err := s.checkElement(seg, s.element); err != nil {
		return err
	}
	if _, err := seg.Ring().NewConsumer(true); err != nil { // positions that can't be
		return err
	}
	seg.AttachReceiver(s.owner(), s.Heartbeat)
	return nil
}

// checkElement marks the channel as one of values with the fingerprint fp (0
// marks nothing), and gives ErrIncompatible if it carries others than the
// caller's.
func (s *settings) checkElement(seg *shm.Segment, fp uint64) error {
	stands := seg.SetElementType(fp)
	if s.element == 0 || stands == 0 || stands == s.element {
		return nil
	}
	return fmt.Errorf("the channel carries values of another layout (fingerprint %#x, this program's is %#x): %w",
		stands, s.element, ErrIncompatible)
}

func otherBoot(seg *shm.Segment) error {
	return fmt.Errorf("%s was made before the machine's last boot, and its messages may have reached the disk in part; remove it: %w",
		seg.Path(), ErrIncompatible)
}

// retire takes the name of a finished channel away, and gives errAgain.
func (s *settings) retire(seg *shm.Segment) error {
	seg.Ring().Close() // its senders, if any live, learn it
	failpoint.Hit(failpoint.RetireClosed)
	if err := seg.Unlink(2 * s.Heartbeat); err != nil {
		return err
	}
	failpoint.Hit(failpoint.Retired)
	return errAgain
}

// makeAs makes a channel, attaches the caller by attach, and publishes it. If
// somebody else published one first it gives errAgain. It looks at ctx only if the
// allocation takes long.
func (s *settings) makeAs(ctx context.Context, place shm.Place, attach func(*shm.Segment) error) (*shm.Segment, error) {
	seg, err := shm.CreateContext(ctx, place, s.config)
	if err != nil {
		return nil, err
	}
	if err = attach(seg); err == nil {
		err = seg.Publish()
	}
	if err == nil {
		return seg, nil
	}
	if errors.Is(err, fs.ErrExist) {
		err = errAgain
	}
	return nil, errors.Join(err, seg.Discard())
}

// openSender returns a segment with a sender's slot that is the caller's.
func (s *settings) openSender(ctx context.Context, place shm.Place) (seg *shm.Segment, slot int, err error) {
	if err := process.StartPoller(); err != nil {
		return nil, 0, err
	}
	attach := func(seg *shm.Segment) (err error) {
		// Before attaching: a sender that attached and went would disconnect a
		// receiver that nobody has joined yet.
		if err := s.checkElement(seg, 0); err != nil {
			return err
		}
		if slot, err = seg.AttachSender(s.owner(), s.Heartbeat); err != nil {
			return err
		}
		if err := s.checkElement(seg, s.element); err != nil { // another one was first
			return errors.Join(err, seg.DetachSender(slot))
		}
		return nil
	}
	try := func() (*shm.Segment, error) {
		return again(place, func() (*shm.Segment, error) {
			seg, err := shm.Open(place)
			if errors.Is(err, fs.ErrNotExist) && s.Create {
				return s.makeAs(ctx, place, attach)
			}
			if err != nil {
				return nil, err
			}
			if err := s.joinAs(seg, attach, &slot); err != nil {
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

// joinAs attaches a sender to a channel that is there. A finished one is missing,
// or with Create replaced.
func (s *settings) joinAs(seg *shm.Segment, attach func(*shm.Segment) error, slot *int) error {
	gone := func() error {
		if s.Create {
			return s.retire(seg)
		}
		return fmt.Errorf("%s: its receiver has gone: %w", seg.Path(), fs.ErrNotExist)
	}
	if finished, err := seg.Finished(); err != nil {
		return err
	} else if finished {
		return gone()
	}
	if seg.OtherBoot() {
		return otherBoot(seg)
	}
	if err := attach(seg); err != nil {
		if errors.Is(err, ErrNoSlot) && seg.Ring().Closed() { // whoever closed it had the slots
			return gone()
		}
		return err
	}
	failpoint.Hit(failpoint.BeforeName)
	named, err := seg.StillNamed()
	if err == nil && named {
		var finished bool
		if finished, err = seg.Finished(); err == nil && !finished {
			return nil
		}
	}
	if err := errors.Join(err, seg.DetachSender(*slot)); err != nil {
		return err
	}
	if !named {
		return errAgain
	}
	return gone()
}
