package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"

	"github.com/shmchan/shmchan/ipc"
)

// options are those of every end of a case.
func (a *actor) options(s spec) *ipc.Options {
	return &ipc.Options{Dir: a.dir, Capacity: s.Capacity, Spin: s.Spin, Wait: true}
}

// attach joins a channel that the other process makes meanwhile.
func (a *actor) attach(name string, s spec) (*ipc.Sender, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return ipc.NewSender(ctx, name, a.options(s))
}

// flood is a channel under load.
type floodReceiver struct {
	r    *ipc.Receiver
	spec spec
}

type floodSender struct {
	s    *ipc.Sender
	spec spec
	who  int
}

func openFlood(a *actor, s step) (end, error) {
	const name = "flood"
	if s.Side != receiving {
		sender, err := a.attach(name, s.Spec)
		return &floodSender{sender, s.Spec, s.Side}, err
	}
	r, err := ipc.NewReceiver(context.Background(), name, a.options(s.Spec))
	return &floodReceiver{r, s.Spec}, err
}

func (f *floodReceiver) close() error { return f.r.Close() }
func (f *floodSender) close() error   { return f.s.Close() }

// run receives until its time is over and then closes its end, which is how the
// senders know.
func (f *floodReceiver) run(s step) (reply, error) {
	var err error
	m, c := newMeter(s.Warm, s.For), newChecker(f.spec.Size)
	switch {
	case f.spec.Copy:
		err = f.copyOut(m, c)
	case f.spec.InPlace:
		err = f.consume(m, c.whole)
	case f.spec.Size == recordBytes:
		err = f.consume(m, c.small)
	default:
		err = f.consume(m, c.edges)
	}
	r := m.reply()
	if f.spec.Twice {
		r.Count /= 2
	}
	return r, errors.Join(err, f.r.Close())
}

func (f *floodReceiver) consume(m *meter, check func([]byte) error) error {
	for {
		n, err := f.r.Consume(context.Background(), 0, check)
		if err != nil {
			return err
		}
		if m.add(n) {
			return nil
		}
	}
}

func (f *floodReceiver) copyOut(m *meter, c *checker) error {
	buf := make([]byte, 0, f.spec.Size)
	for {
		var err error
		if buf, err = f.r.RecvAppend(context.Background(), buf[:0]); err != nil {
			return err
		}
		if err := c.edges(buf); err != nil {
			return err
		}
		if m.add(1) {
			return nil
		}
	}
}

// run sends until the receiver has gone.
func (f *floodSender) run(step) (reply, error) {
	var err error
	switch {
	case f.spec.InPlace:
		err = f.claims()
	case f.spec.Batch > 1:
		err = f.batches()
	default:
		err = f.sends()
	}
	if errors.Is(err, ipc.ErrDisconnected) {
		err = nil
	}
	return reply{}, err
}

func (f *floodSender) sends() error {
	ctx, msg := context.Background(), newMessage(f.spec.Size, f.who)
	for n := uint64(0); ; n++ {
		number(msg, f.who, n)
		if err := f.s.Send(ctx, msg); err != nil {
			return err
		}
	}
}

func (f *floodSender) batches() error {
	ctx, msgs := context.Background(), make([][]byte, f.spec.Batch)
	for i := range msgs {
		msgs[i] = newMessage(f.spec.Size, f.who)
	}
	for n := uint64(0); ; {
		for _, msg := range msgs {
			number(msg, f.who, n)
			n++
		}
		if _, err := f.s.SendBatch(ctx, msgs); err != nil {
			return err
		}
	}
}

// claims writes every byte of every message where it stays.
func (f *floodSender) claims() error {
	for n := uint64(0); ; n++ {
		c, err := f.s.Claim(context.Background(), f.spec.Size)
		if err != nil {
			return err
		}
		fill(c.Bytes(), uint64(f.who)<<senderShift|n)
		if err := c.Commit(); err != nil {
			return err
		}
	}
}

// Messages in place are written and checked by pieces, from a pattern that stays in
// the first cache: as fast as a program can write and read memory at all, so that it
// is the channel that is measured.
const piece = 4 << 10

var pattern = newMessage(piece+8*patterns, 0)

// patterns is how many ways there are to fill a piece: odd, so that a message differs
// in every word from the one that stood there a lap before.
const patterns = 7

func patternOf(first uint64) []byte { return pattern[8*(first%patterns):] }

// fill writes every byte of a message. Each piece begins with what tells the message
// from those that stood there before.
func fill(msg []byte, first uint64) {
	pattern := patternOf(first)
	for len(msg) > 0 {
		n := min(len(msg), piece)
		binary.LittleEndian.PutUint64(msg, first)
		copy(msg[8:n], pattern[8:])
		msg = msg[n:]
	}
}

// whole checks every byte of what fill wrote.
func (c *checker) whole(msg []byte) error {
	if len(msg) != c.size {
		return c.wrong(msg)
	}
	first := binary.LittleEndian.Uint64(msg)
	pattern := patternOf(first)
	for rest := msg; len(rest) > 0; {
		n := min(len(rest), piece)
		if binary.LittleEndian.Uint64(rest) != first || !bytes.Equal(rest[8:n], pattern[8:n]) {
			return c.wrong(msg)
		}
		rest = rest[n:]
	}
	if !c.turn(first) {
		return c.wrong(msg)
	}
	return nil
}
