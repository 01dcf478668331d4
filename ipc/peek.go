package ipc

import (
	"errors"
	"fmt"
	"iter"

	"github.com/shmchan/shmchan/shm"
)

// Message is a message that Peek found, and where it came from.
type Message struct {
	Meta
	Data []byte // the caller owns it
}

// Peek yields the messages in a channel, as a receiver would receive them now,
// without taking them: it opens the file read-only, does not attach and changes
// nothing. It stops, silently, after the message that was the newest when it began,
// or before a message that is still being written. Messages that a receiver takes
// meanwhile may be left out. Peek also yields the messages of a channel whose
// receiver has gone for good, although they will never be received. Of o only Dir
// counts. Peek never blocks.
//
// Peek yields an error once, and then stops: fs.ErrNotExist if there is no channel,
// ErrIncompatible if the file is not a channel, or a *CorruptError if it, or a
// record in it, is damaged.
func Peek(name string, o *Options) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		more := true
		err := peek(name, o, func(m Message) bool {
			more = yield(m, nil)
			return more
		})
		if err != nil && more {
			yield(Message{}, fmt.Errorf("peek %s: %w", name, err))
		}
	}
}

func peek(name string, o *Options, show func(Message) bool) (err error) {
	place, _, err := o.visit(name)
	if err != nil {
		return err
	}
	seg, err := shm.OpenReadOnly(place)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, seg.Close()) }()
	if err := checkBoot(seg); err != nil {
		return err
	}
	p, err := seg.Peek()
	for err == nil {
		var msg []byte
		var from shm.Origin
		msg, from, err = p.Next()
		if seg.Broken() { // zeroes may have been read
			return seg.BrokenError()
		}
		if err == nil && !show(Message{Meta(from), msg}) {
			return nil
		}
	}
	if errors.Is(err, ErrEmpty) {
		return nil
	}
	return err
}
