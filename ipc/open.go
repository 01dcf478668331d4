package ipc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/fsnotify/fsnotify"

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

// checkElement marks the channel as one of the caller's values, unless it is marked,
// and returns ErrIncompatible if it carries others. It is the last step that can
// fail, since a mark stays.
func (o *opener) checkElement(seg *shm.Segment) error {
	return o.sameElement(seg, seg.SetElementType(o.element))
}

func (o *opener) sameElement(seg *shm.Segment, stands uint64) error {
	if o.element == 0 || stands == 0 || stands == o.element {
		return nil
	}
	return fmt.Errorf("the channel carries values of another layout (fingerprint %#x, this program's is %#x): %w",
		stands, o.element, ErrIncompatible)
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

// awaitChannel calls try whenever the directory changes, and now and then
// besides, until the channel exists or the context is done. What it gives then is
// both the context's error and fs.ErrNotExist.
func awaitChannel(ctx context.Context, place shm.Place, heartbeat time.Duration, try func() (*shm.Segment, error)) (*shm.Segment, error) {
	changes, stop := watchDir(place.Dir)
	defer stop()
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		seg, err := try() // after the watch was set: nothing slips in between
		if !errors.Is(err, fs.ErrNotExist) {
			return seg, err
		}
		if ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-changes:
			case <-tick.C:
			}
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%w while waiting: %w", ctx.Err(), err)
		}
	}
}

// watchDir reports changes in the directory. Where it can't be watched (it is
// missing, or the user's inotify instances are used up) the channel stays silent.
func watchDir(dir string) (<-chan fsnotify.Event, func()) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, func() {}
	}
	if w.Add(dir) != nil {
		_ = w.Close()
		return nil, func() {}
	}
	return w.Events, func() { _ = w.Close() }
}
