package ipc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/shmchan/shmchan/shm"
)

// Inspect returns a snapshot of a channel without attaching to it: it opens the file
// read-only and changes nothing. It returns fs.ErrNotExist if there is no channel,
// and ErrIncompatible or a *CorruptError if the file is not a channel. Of o only Dir
// counts.
func Inspect(name string, o *Options) (Stats, error) {
	place, _, err := o.visit(name)
	if err != nil {
		return Stats{}, fmt.Errorf("inspect %s: %w", name, err)
	}
	s, err := inspect(name, place)
	if err != nil {
		return Stats{}, fmt.Errorf("inspect %s: %w", name, err)
	}
	return s, nil
}

func inspect(name string, place shm.Place) (Stats, error) {
	seg, err := shm.OpenReadOnly(place)
	if err != nil {
		return Stats{}, err
	}
	s := describe(name, seg, ownNone)
	if seg.Broken() {
		return Stats{}, errors.Join(seg.BrokenError(), seg.Close())
	}
	return s, seg.Close()
}

// find checks the options and returns the place of the channel called name. make
// requests that a missing directory of plain names be made.
func (o *Options) find(name string, make bool) (shm.Place, opener, error) {
	opts, err := o.check()
	if err != nil {
		return shm.Place{}, opts, err
	}
	place, err := opts.place(name, make)
	return place, opts, err
}

// visit is find for callers that inspect or remove a channel and attach no endpoint.
func (o *Options) visit(name string) (shm.Place, opener, error) {
	place, opts, err := o.find(name, false)
	place.Visit = named(place)
	return place, opts, err
}

// named reports whether the caller named the directory. The default one must be the
// user's own, even for root.
func named(place shm.Place) bool { return place.Sticky }

// List returns an Entry for every file in the channel directory, sorted by name,
// including files that are not channels. A missing directory has none.
func List(o *Options) ([]Entry, error) {
	opts, err := o.check()
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	place, err := opts.home(false)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	place.Visit = named(place)
	names, err := place.List()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	slices.Sort(names)
	entries := make([]Entry, 0, len(names))
	for _, name := range names {
		place.Base = name
		stats, err := inspect(name, place)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			stats = Stats{Name: name, Path: place.Path()}
		}
		entries = append(entries, Entry{Name: name, Stats: stats, Err: err})
	}
	return entries, nil
}

// Create makes a channel without attaching to it. It returns fs.ErrExist if the
// channel exists and is not dead; it replaces a dead one.
func Create(name string, o *Options) error {
	place, opts, err := o.find(name, true)
	if err == nil {
		err = opts.create(place)
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", name, err)
	}
	return nil
}

func (o *opener) create(place shm.Place) error {
	defer o.dropSpare()
	seg, err := again(place, func() (*shm.Segment, error) {
		old, err := shm.Open(place)
		if errors.Is(err, fs.ErrNotExist) {
			return o.makeAs(context.Background(), place, func(*shm.Segment) error { return nil })
		}
		if err != nil {
			return nil, err
		}
		finished, err := old.Finished()
		switch {
		case err != nil:
		case finished:
			err = o.retire(context.Background(), old)
		default:
			err = &fs.PathError{Op: "make", Path: place.Path(), Err: fs.ErrExist}
		}
		return nil, errors.Join(err, old.Close())
	})
	if err != nil {
		return err
	}
	return seg.Close()
}

// Remove removes a channel and all its messages. It returns ErrBusy while an
// endpoint is alive, and fs.ErrNotExist if there is no channel. It leaves a file
// that is not a channel unchanged.
func Remove(name string, o *Options) error { return remove(name, o, false, nil) }

// ForceRemove is Remove, but even while endpoints are alive; senders are
// disconnected.
func ForceRemove(name string, o *Options) error { return remove(name, o, true, nil) }

// remove removes a channel unless keep, which may be nil, returns an error.
func remove(name string, o *Options, force bool, keep func(*shm.Segment) error) error {
	place, opts, err := o.visit(name)
	if err == nil {
		place.AnyName = force
		err = opts.remove(place, force, keep)
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

// remove takes the name away first, since only that can fail; see
// shm.Segment.Remove. Without force it holds the locks of all endpoints until then:
// none is attached, and none can attach.
func (o *opener) remove(place shm.Place, force bool, keep func(*shm.Segment) error) error {
	seg, err := shm.Open(place)
	if err != nil {
		return err
	}
	if seg.Ambiguous() { // it may be another channel: only the name may go
		return errors.Join(seg.Unlink(2*o.Heartbeat), seg.Close())
	}
	if _, err := closeFinished(seg); err != nil { // before our own locks make it look alive
		return errors.Join(err, seg.Close())
	}
	err = seg.RemoveIf(2*o.Heartbeat, func() error {
		lock := seg.LockAll
		if keep != nil && seg.Durable() { // a message that a newcomer sends must not be lost
			lock = seg.LockAllFree
		}
		alone, err := lock()
		if err == nil && !alone && !force {
			err = fmt.Errorf("an endpoint of %s is alive: %w", seg.Path(), ErrBusy)
		}
		if err == nil && keep != nil {
			err = keep(seg)
		}
		return err
	})
	return errors.Join(err, seg.Close())
}

// Dir returns the directory that holds channels with plain names: o.Dir, or else
// $SHMCHAN_DIR, or else the user's own directory below /dev/shm. It need not exist.
func Dir(o *Options) (string, error) {
	opts, err := o.check()
	if err != nil {
		return "", fmt.Errorf("dir: %w", err)
	}
	home, err := opts.home(false)
	if err != nil {
		return "", fmt.Errorf("dir: %w", err)
	}
	return home.Dir, nil
}
