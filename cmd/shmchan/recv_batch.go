package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/frame"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
)

// outBuffer is how much framed output is written at a time. It fits into a pipe, and stays
// in the processor's cache from the framing to the write.
const outBuffer = 64 << 10

// keepBuffer is the most memory for output that is kept between writes.
const keepBuffer = 4 << 20

// batch holds messages on their way to stdout. They are framed in out, and stay in the
// ring until out is written.
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

// total returns the number of messages that were added.
func (b *batch) total() uint64 { return b.taken + b.held }

func (b *batch) full() bool { return len(b.out) >= outBuffer }

// add adds the message that the source returned last, unless the frame refuses it.
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

// copy returns a copy of msg. A peer may change the message in the ring between two
// reads.
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

// flush writes the batch and then releases its messages. If the write fails, even in
// part, flush releases none.
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

// flushBack flushes a batch without the message that the source returned last, which
// stays in the channel.
func (b *batch) flushBack() error {
	b.s.putBack()
	return b.flush()
}

func (b *batch) write() error {
	if err := b.s.Intact(); err != nil { // otherwise out may contain zeros
		return err
	}
	if len(b.out) == 0 { // empty raw messages
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
	// The memory for a huge message is not kept.
	if cap(b.out) > keepBuffer {
		b.out, b.copied = nil, nil
	}
}
