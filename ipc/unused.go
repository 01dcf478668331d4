package ipc

import (
	"errors"
	"fmt"
	"math"

	"github.com/shmchan/shmchan/shm"
)

// UnreadError is the reason why RemoveUnused keeps a channel.
type UnreadError struct {
	Messages uint64 // that a receiver would find
}

func (e *UnreadError) Error() string {
	return fmt.Sprintf("the channel is durable and holds %d unread messages", e.Messages)
}

// RemoveUnused is Remove, but keeps a durable channel that holds unread messages and
// returns an *UnreadError. It also keeps one whose records can't be read, and
// returns a *CorruptError. A sender that attaches, sends and closes meanwhile loses
// nothing.
func RemoveUnused(name string, o *Options) error {
	for range maxRaces {
		// Count before locking: if the channel stays, an endpoint that attaches to
		// it must not find it locked.
		err := examine(name, o, func(seg *shm.Segment) error { return keepUnread(seg, math.MaxUint64) })
		if err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
		// Count again with every endpoint locked out, when no message can be added.
		// The first message ends this count, so that the locks are released before
		// an attaching endpoint gives up; the next round counts all of them.
		err = remove(name, o, false, func(seg *shm.Segment) error { return keepUnread(seg, 1) })
		var unread *UnreadError
		if !errors.As(err, &unread) {
			return err
		}
	}
	return fmt.Errorf("remove %s: endpoints keep attaching and detaching: %w", name, ErrBusy)
}

// keepUnread returns an *UnreadError if the channel is durable and holds messages.
// It counts at most most of them.
func keepUnread(seg *shm.Segment, most uint64) error {
	if !seg.Durable() {
		return nil
	}
	n, err := unread(seg, most)
	if err == nil && n > 0 {
		err = &UnreadError{n}
	}
	return err
}

// Unread returns the number of messages in a channel that no receiver has released,
// as Peek finds them. The counts of Stats miss the last messages of senders that
// were killed. Messages from before the machine's last boot count, although Peek
// rejects them. Of o only Dir counts. Unread never blocks and changes nothing.
func Unread(name string, o *Options) (n uint64, err error) {
	err = examine(name, o, func(seg *shm.Segment) error {
		n, err = unread(seg, math.MaxUint64)
		return err
	})
	if err != nil {
		return n, fmt.Errorf("count %s: %w", name, err)
	}
	return n, nil
}

// examine opens a channel read-only and calls fn.
func examine(name string, o *Options, fn func(*shm.Segment) error) error {
	place, _, err := o.visit(name)
	if err != nil {
		return err
	}
	seg, err := shm.OpenReadOnly(place)
	if err != nil {
		return err
	}
	return errors.Join(fn(seg), seg.Close())
}

// unread returns the number of unread messages in the segment, at most most.
func unread(seg *shm.Segment, most uint64) (n uint64, err error) {
	p, err := seg.Peek()
	for ; err == nil && n < most; n++ {
		_, _, err = p.Next()
		if seg.Broken() { // zeroes may have been read
			return n, seg.BrokenError()
		}
		if err != nil {
			break
		}
	}
	if errors.Is(err, ErrEmpty) {
		err = nil
	}
	return n, err
}
