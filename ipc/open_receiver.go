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

// openReceiver returns a segment whose receiver is the caller. prepare does what
// else can fail, with the receiver's lock held and nothing attached yet; it may be
// called again for another segment.
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

// takeReceiver makes the caller the segment's receiver, or returns errAgain once it
// has taken the name of a finished channel away, or found it taken.
func (o *opener) takeReceiver(ctx context.Context, seg *shm.Segment, prepare func(*shm.Segment) error) error {
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
		return o.receiverBusy(ctx, seg, finished)
	}
	if seg.Ring().Closed() || !seg.Durable() && seg.ReceiverAttachments() > 0 {
		return o.retire(ctx, seg) // its receiver held the lock that we have now
	}
	if err := checkBoot(seg); err != nil {
		return err
	}
	return o.attachReceiver(seg, prepare)
}

// receiverBusy is what takeReceiver comes to where the receiver's lock is held. That of
// a dead receiver, which a child or a core dump keeps, is in the way of a durable
// channel only: one that is finished is replaced without it.
func (o *opener) receiverBusy(ctx context.Context, seg *shm.Segment, finished bool) error {
	dead, _, outlived := seg.Outlived(ownReceiver)
	switch {
	case !seg.ReceiverEndpoint().Live():
		return fmt.Errorf("%s: another process is attaching to it or removing it, and does not get on: %w", seg.Path(), ErrBusy)
	case !outlived:
		return fmt.Errorf("%s has a receiver already: %w", seg.Path(), ErrBusy)
	case finished: // by its death: nobody else becomes its receiver
		return o.retire(ctx, seg)
	}
	return fmt.Errorf("%[1]s: its receiver, process %[2]d, is dead, but its lock is still held, by a process that it forked (end that one; fuser %[1]s shows it) or until its core dump is written: %[3]w",
		seg.Path(), dead.Process.PID, ErrBusy)
}

// attachReceiver attaches the caller, or changes nothing. Precondition: it has the
// receiver's lock.
func (o *opener) attachReceiver(seg *shm.Segment, prepare func(*shm.Segment) error) error {
	// prepare clears away what dead senders left, so a mismatch is looked for before.
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
