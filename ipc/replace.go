package ipc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/shm"
)

// How a finished channel is replaced: it is marked closed, the new one is made
// without a name, the old one's name is taken away, and the new one is published.
// Everything that can fail for lack of space or permission comes before the name is
// taken, so a channel that can't be replaced can still be inspected.

// closeFinished marks a channel closed if it is finished, and reports whether it is.
func closeFinished(seg *shm.Segment) (bool, error) {
	finished, err := seg.Finished()
	if finished && err == nil {
		seg.Ring().Close()
	}
	return finished, err
}

// retire takes the name of a finished channel away, and returns errAgain. It makes
// the replacement first; if that fails, the finished channel stays.
func (o *opener) retire(ctx context.Context, seg *shm.Segment) error {
	seg.Ring().Close() // tells its live senders
	failpoint.Hit(failpoint.RetireClosed)
	if err := o.makeSpare(ctx, seg); err != nil {
		return fmt.Errorf("replace a channel whose receiver has gone: %w", err)
	}
	if err := seg.Unlink(2 * o.Heartbeat); err != nil {
		return fmt.Errorf("replace a channel whose receiver has gone: %w", err)
	}
	failpoint.Hit(failpoint.Retired)
	return errAgain
}

// makeSpare makes the segment that will replace old. If only the space that old
// occupies is lacking, it makes none and returns nil.
func (o *opener) makeSpare(ctx context.Context, old *shm.Segment) (err error) {
	if o.spare != nil {
		return nil
	}
	o.spare, err = shm.CreateContext(ctx, old.Place(), o.config)
	noRoom := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
	if noRoom && o.config.FileSize() <= old.Size() {
		// A sender that still has old open would keep its space in use.
		if alive, aerr := old.AnySenderAlive(); !alive && aerr == nil {
			return nil
		}
	}
	if err == nil {
		failpoint.Hit(failpoint.SpareMade)
	}
	return err
}

// dropSpare discards a spare that was not needed because another process has made
// the channel.
func (o *opener) dropSpare() {
	if o.spare != nil {
		_ = o.spare.Discard() // it has no name and no user
		o.spare = nil
	}
}

// makeAs makes a channel, attaches the caller by calling attach, and publishes it.
// It returns errAgain if another process has published one first. It checks ctx only
// while it allocates the file.
func (o *opener) makeAs(ctx context.Context, place shm.Place, attach func(*shm.Segment) error) (*shm.Segment, error) {
	seg := o.spare
	o.spare = nil
	if seg == nil {
		var err error
		if seg, err = shm.CreateContext(ctx, place, o.config); err != nil {
			return nil, err
		}
	}
	err := attach(seg)
	if err == nil {
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
