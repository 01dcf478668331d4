package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/frame"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
)

// outBuffer is how much framed output is written at a time: what a pipe holds, and
// what stays in a processor's cache from the framing to the writing.
const outBuffer = 64 << 10

// keepBuffer is how much memory for output is kept from one write to the next.
const keepBuffer = 4 << 20

// batch holds messages on their way to stdout: framed in out, and still in the
// ring until out was written.
type batch struct {
	s    *source
	w    io.Writer
	kind frame.Kind

	meter *meter

	out    []byte
	copied []byte       // a message, for a frame that needs its origin
	from   frame.Origin // of that message
	held   uint64       // messages in out
	size   uint64       // their bytes
	taken  uint64       // messages written and released
}

// total is the messages that were added.
func (b *batch) total() uint64 { return b.taken + b.held }

func (b *batch) full() bool { return len(b.out) >= outBuffer }

// add takes in the message that the source returned last. A message that the
// frame refuses is left out.
func (b *batch) add(msg []byte) (err error) {
	if b.out == nil {
		b.out = make([]byte, 0, outBuffer+outBuffer/4)
	}
	if b.kind.NeedsOrigin() {
		msg = b.copy(msg)
		b.setOrigin()
	}
	b.out, err = b.kind.Append(b.out, msg, &b.from)
	if err != nil {
		return err
	}
	b.held++
	b.size += uint64(len(msg))
	return nil
}

// copy returns msg where it stays as it is: a peer may change the message in the ring
// between two looks at it.
func (b *batch) copy(msg []byte) []byte {
	b.copied = append(b.copied[:0], msg...)
	return b.copied
}

// setOrigin sets from to the origin of the message that the source returned last.
func (b *batch) setOrigin() {
	m := b.s.Meta()
	b.from = frame.Origin{Seq: m.Seq, Sender: m.Slot, PID: m.PID}
	if b.s.several() {
		b.from.Name = b.s.name()
	}
}

// flush writes all that the batch holds and then, only then, lets it leave the
// ring. Where the write fails, even in part, nothing leaves.
func (b *batch) flush() error {
	if b.held == 0 {
		return nil
	}
	if err := b.write(); err != nil {
		return err
	}
	if err := b.s.Release(); err != nil {
		return err
	}
	b.settle()
	return nil
}

// flushBack is flush when the message that the source returned last is not in
// the batch: it goes back, for good.
func (b *batch) flushBack() error {
	b.s.putBack()
	return b.flush()
}

func (b *batch) write() error {
	if err := b.s.Intact(); err != nil { // else out may hold zeroes
		return err
	}
	if len(b.out) == 0 { // raw messages of no bytes
		return nil
	}
	_, err := b.w.Write(b.out)
	var closed *signalError
	if err = written(err); err != nil && !errors.As(err, &closed) {
		return fmt.Errorf("%w; %s not received", err, text.Plural(b.held, "message"))
	}
	return err
}

func (b *batch) settle() {
	b.taken += b.held
	b.meter.add(b.held, b.size)
	b.held, b.size, b.out = 0, 0, b.out[:0]
	// One huge message must not keep its memory for good.
	if cap(b.out) > keepBuffer {
		b.out, b.copied = nil, nil
	}
}
