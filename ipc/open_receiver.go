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

// openReceiver returns a segment whose receiver is the caller. prepare does
// everything else that can fail. It is called with the receiver's lock held and
// nothing attached, and may be called again for another segment.
func (o *opener) openReceiver(ctx context.Context, place shm.Place, prepare func(*shm.Segment) error) (*shm.Segment, error) {
	if err := process.StartPoller(); err != nil {
		return nil, err
	}
	defer o.dropSpare()
	return again(place, func() (*shm.Segment, error) {
		seg, err := shm.Open(place)
		if errors.Is(err, fs.ErrNotExist) {
			return o.makeAs(ctx, place, func(seg *shm.Segment) error {
				if _, err := seg.LockReceiver(); err != nil {
					return err
				}
				return o.attachReceiver(seg, prepare)
			})
		}
		if err != nil {
			return nil, err
		}
		if err := o.takeReceiver(ctx, seg, prepare); err != nil {
			return nil, errors.Join(err, seg.Close())
		}
		return seg, nil
	})
}

// takeReceiver makes the caller the segment's receiver. It returns errAgain after it
// has taken the name of a finished channel away, or if the name no longer means this
// segment.
func (o *opener) takeReceiver(ctx context.Context, seg *shm.Segment, prepare func(*shm.Segment) error) error {
	finished, err := closeFinished(seg)
	if err != nil {
		return err
	}
	if !finished { // a finished one is replaced, whichever boot it is from
		if err := checkBoot(seg); err != nil {
			return err
		}
	}
	ok, err := seg.LockReceiver()
	// A process that removes the channel also holds the lock for a moment. If no receiver
	// is attached, wait longer for it.
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
		return o.receiverBusy(ctx, seg, finished)
	}
	if seg.Ring().Closed() || !seg.Durable() && seg.ReceiverAttachments() > 0 {
		return o.retire(ctx, seg) // its receiver has gone: its lock is ours now
	}
	if err := checkBoot(seg); err != nil {
		return err
	}
	return o.attachReceiver(seg, prepare)
}

// receiverBusy handles a receiver's lock that is held. If the receiver is dead and a
// child or a core dump still holds its lock, only a durable channel is blocked: a
// finished channel is replaced without the lock.
func (o *opener) receiverBusy(ctx context.Context, seg *shm.Segment, finished bool) error {
	dead, _, outlived := seg.Outlived(ownReceiver)
	switch {
	case !seg.ReceiverEndpoint().Live():
		return fmt.Errorf("%s: another process is attaching to it or removing it, but makes no progress: %w", seg.Path(), ErrBusy)
	case !outlived:
		return fmt.Errorf("%s already has a receiver: %w", seg.Path(), ErrBusy)
	case finished: // by the receiver's death: no other can become its receiver
		return o.retire(ctx, seg)
	}
	return fmt.Errorf("%[1]s: its receiver, process %[2]d, is dead, but its lock is still held by a process that it forked (find it with fuser %[1]s and end it) or until its core dump is written: %[3]w",
		seg.Path(), dead.Process.PID, ErrBusy)
}

// attachReceiver attaches the caller, or fails and changes nothing. Precondition:
// the caller holds the receiver's lock.
func (o *opener) attachReceiver(seg *shm.Segment, prepare func(*shm.Segment) error) error {
	// Check for a mismatch first: prepare clears away what dead senders left.
	if err := o.sameElement(seg, seg.SetElementType(0)); err != nil {
		return err
	}
	if err := prepare(seg); err != nil {
		return err
	}
	if err := o.checkElement(seg); err != nil {
		return err
	}
	failpoint.Hit(failpoint.MayAttach)
	seg.AttachReceiver(o.owner(), o.Heartbeat)
	return nil
}
