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
	Data []byte // the caller's own
}

// Peek yields the messages that are in a channel, as a receiver would get them
// now, and takes nothing: it opens the file read-only, attaches nowhere and
// changes nothing. It stops, silently, at what was the newest when it began, or
// at a message that is still being written. While a receiver goes on, messages
// that it took meanwhile may be left out. Any error is yielded once, last:
// fs.ErrNotExist if there is no channel; ErrIncompatible or a *CorruptError if
// the file is no channel, or what is in it no messages. The messages of a channel
// whose receiver has gone for good are shown too, though nobody will receive
// them. o counts for Dir alone. It never blocks.
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
		if seg.Broken() { // what was read may be zeroes
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
