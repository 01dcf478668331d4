package ipc

import (
	"errors"
	"fmt"
	"math"

	"github.com/shmchan/shmchan/shm"
)

// UnreadError is why RemoveUnused keeps a channel.
type UnreadError struct {
	Messages uint64 // that a receiver would find
}

func (e *UnreadError) Error() string {
	return fmt.Sprintf("it is durable and holds %d unread messages", e.Messages)
}

// RemoveUnused is Remove, except that a durable channel that holds unread messages
// stays, with an *UnreadError. One whose records can't be read stays as well, with
// a *CorruptError. A sender that attaches, sends and closes meanwhile loses nothing.
func RemoveUnused(name string, o *Options) error {
	for range maxRaces {
		// The count comes before the locks: an end that attaches to a channel that
		// stays must not find it locked.
		err := examine(name, o, func(seg *shm.Segment) error { return keepUnread(seg, math.MaxUint64) })
		if err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
		// It is repeated with every end locked out, when no message can be added. The
		// first message ends it, so the locks are gone before an end that attaches just
		// now has given up, and the next round counts.
		err = remove(name, o, false, func(seg *shm.Segment) error { return keepUnread(seg, 1) })
		var unread *UnreadError
		if !errors.As(err, &unread) {
			return err
		}
	}
	return fmt.Errorf("remove %s: ends come and go all the time: %w", name, ErrBusy)
}

// keepUnread objects to the loss of messages that a durable channel holds. It
// counts up to most of them.
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

// Unread counts the messages in a channel that no receiver has released, as Peek
// finds them. The counts of Stats miss the last messages of senders that were
// killed. Messages from before the machine's last boot count, though Peek refuses
// them. o counts for Dir alone. It never blocks and changes nothing.
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

// examine opens a channel read-only for fn.
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

// unread counts the messages in the segment, up to most.
func unread(seg *shm.Segment, most uint64) (n uint64, err error) {
	p, err := seg.Peek()
	for ; err == nil && n < most; n++ {
		_, _, err = p.Next()
		if seg.Broken() { // what was read may be zeroes
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
