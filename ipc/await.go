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
