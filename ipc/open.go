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

// How endpoints find, make and replace channels.
//
//	missing                              a receiver makes it; so does a sender with
//	                                     Create
//	finished (closed, or its receiver    a receiver, or a sender with Create, takes its
//	is dead and it is not durable)       name away and makes a new one; for other
//	                                     senders it is missing
//	never had a receiver, or durable     a receiver attaches to the existing one
//	has a live receiver                  ErrBusy for a second one
//	durable, its receiver dead, but      ErrBusy: only the lock keeps out a second
//	the receiver's lock still held       receiver, including one of an earlier version
//
// A channel is made without a name, with its maker attached, and then published by
// one link, so no process sees it incomplete or without an owner.
//
// To open a channel by name, an endpoint first takes its lock, then does everything
// that can fail, and attaches last: a failed attempt changes nothing that other
// processes could see or count. The first step after the lock is to check that the
// name still means this file; otherwise the channel was replaced or removed
// meanwhile, and the search starts again. A process that removes an unfinished
// channel holds the locks of all endpoints until the name is gone. So a newcomer
// either takes its lock before that, and the removal is refused, or it finds the
// name gone.
//
// A process that finds a channel finished marks it closed at once, before it takes a
// lock that could make the channel look alive. The mark changes nothing: finished is
// final, and every endpoint finds the same.

// maxRaces bounds how often an open starts again because other processes keep
// replacing the channel.
const maxRaces = 1000

var errAgain = errors.New("the channel was replaced")

// again calls try until it no longer returns errAgain.
func again[T any](place shm.Place, try func() (T, error)) (T, error) {
	for range maxRaces {
		v, err := try()
		if !errors.Is(err, errAgain) {
			return v, err
		}
	}
	var none T
	return none, fmt.Errorf("%s keeps being replaced: %w", place.Path(), ErrBusy)
}

// checkElement marks the channel as one of the caller's values, unless it is marked
// already, and returns ErrIncompatible if it carries other values. It must be the
// last step that can fail, since a mark stays.
func (o *opener) checkElement(seg *shm.Segment) error {
	return o.sameElement(seg, seg.SetElementType(o.element))
}

func (o *opener) sameElement(seg *shm.Segment, stands uint64) error {
	if o.element == 0 || stands == 0 || stands == o.element {
		return nil
	}
	return fmt.Errorf("the channel carries values of another type (fingerprint %#x, want %#x): %w",
		stands, o.element, ErrIncompatible)
}

// checkBoot returns ErrIncompatible for a channel from an earlier boot of the
// machine. See shm.Segment.OtherBoot for when it may be called.
func checkBoot(seg *shm.Segment) error {
	other, err := seg.OtherBoot()
	if err != nil || !other {
		return err
	}
	return fmt.Errorf("%s was made before the machine's last boot, or in a container with a boot id of its own, and no endpoint has it open: "+
		"its messages may have reached the disk only in part; use it where it was made, or move it aside: %w", seg.Path(), ErrIncompatible)
}

// awaitChannel calls try whenever the directory changes, and at every heartbeat,
// until the channel exists or ctx is done. It then returns an error that is both
// ctx's and fs.ErrNotExist.
func awaitChannel(ctx context.Context, place shm.Place, heartbeat time.Duration, try func() (*shm.Segment, error)) (*shm.Segment, error) {
	changes, stop := watchDir(place.Dir)
	defer stop()
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		seg, err := try() // after the watch was set, so that no change is missed
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

// watchDir returns a channel of changes in the directory. If the directory can't be
// watched (it is missing, or the user's inotify instances are used up) the channel
// stays silent.
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
