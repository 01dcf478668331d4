package main

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/ipc"
)

// attach becomes the receiver of all channels, or of none. It creates those that are
// missing.
func (v *recv) attach(ctx context.Context, names []string) (*source, error) {
	s := &source{spell: longestSpell}
	if len(names) > 1 {
		v.name = "" // each diagnostic names its channel
	}
	if err := v.probe(names); err != nil {
		return nil, err
	}
	if v.try { // short-lived, like a send
		fence.Decline()
	}
	for _, name := range names {
		in := &inlet{name: name}
		var err error
		if in.Receiver, err = v.attachOne(ctx, name); err != nil {
			if len(names) > 1 {
				err = &aboutError{name, err}
			}
			return nil, errors.Join(err, s.Close())
		}
		stats := in.Stats()
		v.detailOf(name, "attached to %s: %s, %s unread", text.Printable(stats.Path), text.Size(uint64(stats.Capacity)), text.Plural(unread(&stats), "message"))
		s.inlets = append(s.inlets, in)
	}
	s.attached()
	return s, nil
}

// probe fails if some channel cannot be received from. It runs before attach, because
// attaching to another channel and leaving again would remove that one if it is not
// durable.
func (v *recv) probe(names []string) error {
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return usagef("accepts each NAME once, got %q twice", name)
		}
	}
	if len(names) == 1 {
		return nil
	}
	for _, name := range names {
		s, err := ipc.Inspect(name, v.options())
		switch {
		case errors.Is(err, fs.ErrNotExist): // attach creates it
		case err != nil:
			return &aboutError{name, err}
		case s.Receiver != nil && s.Receiver.State != ipc.StateDead:
			return &aboutError{name, taken(ipc.ErrBusy)}
		}
	}
	return nil
}

// taken returns the error for a channel that has a receiver.
func taken(err error) error {
	return because(err, "a receiver is already attached; a channel has only one")
}

// attachOne becomes the receiver of a channel. It creates the channel if it is missing,
// which takes long on some file systems, so --timeout limits that too.
func (v *recv) attachOne(ctx context.Context, name string) (*ipc.Receiver, error) {
	o := v.options()
	v.making.apply(o)
	o.KeepOpen = v.keep
	if v.timeout.given() {
		bound, cancel := context.WithTimeout(ctx, v.timeout.after)
		defer cancel()
		ctx = bound
	}
	r, err := ipc.NewReceiver(ctx, name, o)
	if errors.Is(err, context.DeadlineExceeded) {
		err = because(err, "timed out after %v while creating the channel", v.timeout.after)
	}
	if errors.Is(err, ipc.ErrBusy) {
		err = taken(err)
	}
	return r, err
}
