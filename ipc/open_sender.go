package ipc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/process"
	"github.com/shmchan/shmchan/shm"
)

// openSender returns a segment, and in it a sender slot that is the caller's.
func (o *opener) openSender(ctx context.Context, place shm.Place) (seg *shm.Segment, slot int, err error) {
	if err := process.StartPoller(); err != nil {
		return nil, 0, err
	}
	defer o.dropSpare()
	try := func() (*shm.Segment, error) {
		return again(place, func() (*shm.Segment, error) {
			seg, err := shm.Open(place)
			if errors.Is(err, fs.ErrNotExist) && o.Create {
				return o.makeAs(ctx, place, func(seg *shm.Segment) error {
					if slot, err = seg.LockSender(); err != nil {
						return err
					}
					return o.attachSender(seg, slot)
				})
			}
			if err != nil {
				return nil, err
			}
			if slot, err = o.joinAs(ctx, seg); err != nil {
				return nil, errors.Join(err, seg.Close())
			}
			return seg, nil
		})
	}
	seg, err = try()
	if errors.Is(err, fs.ErrNotExist) && o.Wait {
		seg, err = awaitChannel(ctx, place, o.Heartbeat, try)
	}
	return seg, slot, err
}

// attachSender attaches the caller, or fails and changes nothing. Precondition: the
// caller holds the slot's lock.
func (o *opener) attachSender(seg *shm.Segment, slot int) error {
	if err := o.checkElement(seg); err != nil {
		return err
	}
	failpoint.Hit(failpoint.MayAttach)
	seg.OccupySender(slot, o.owner(), o.Heartbeat)
	return nil
}

// joinAs attaches a sender to an existing channel. A finished channel counts as
// missing, or with Create is replaced.
func (o *opener) joinAs(ctx context.Context, seg *shm.Segment) (slot int, err error) {
	gone := func() error {
		if o.Create {
			return o.retire(ctx, seg)
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
		return 0, o.noSlot(seg, err, gone)
	}
	failpoint.Hit(failpoint.BeforeName)
	var finished bool
	named, err := seg.StillNamed()
	if err == nil && named {
		if finished, err = seg.Finished(); err == nil && !finished {
			if err = checkBoot(seg); err == nil {
				err = o.attachSender(seg, slot)
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

// noSlot returns the error for a failure to lock any slot. All of them are held for
// a moment by a process that removes the channel, or by a receiver that closes it.
func (o *opener) noSlot(seg *shm.Segment, err error, gone func() error) error {
	if !errors.Is(err, ErrNoSlot) {
		return err
	}
	if seg.Ring().Closed() {
		return gone()
	}
	if named, nerr := seg.StillNamed(); nerr == nil && !named {
		return errAgain
	}
	if seg.FreeSlots() { // a process that removes the channel holds their locks
		if o.held++; o.held < transient {
			return errAgain
		}
		return fmt.Errorf("%s: another process is removing it, but makes no progress: %w", seg.Path(), ErrBusy)
	}
	return err
}

// transient bounds how often an open retries a lock that no endpoint holds: each
// retry takes a fifth of a millisecond or more.
const transient = 500
