package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
	"github.com/shmchan/shmchan/ipc"
)

// How a receiver takes messages, by Spec.Take. The default is Consume.
const (
	takeAppend = "append" // RecvAppend
	takeRecv   = "recv"
	takeAll    = "all"
	takeNext   = "next" // TryNext and Release; Next if the channel is empty
)

// options returns the options of the endpoints of a case.
func (a *self) options(s worker.Spec) *ipc.Options {
	return &ipc.Options{Dir: a.dir, Capacity: s.Capacity, Spin: s.Spin, Wait: true}
}

// attach attaches a sender to a channel that the other process may still have to
// create.
func (a *self) attach(name string, s worker.Spec) (*ipc.Sender, error) {
	ctx, cancel := context.WithTimeout(context.Background(), worker.Patience)
	defer cancel()
	return ipc.NewSender(ctx, name, a.options(s))
}

// floodReceiver and floodSender are the endpoints of a channel under load.
type floodReceiver struct {
	r    *ipc.Receiver
	spec worker.Spec
}

type floodSender struct {
	s    *ipc.Sender
	spec worker.Spec
	who  int
}

func openFlood(a *self, s worker.Step) (worker.Part, error) {
	const name = "flood"
	if s.Side != worker.Receiving {
		sender, err := a.attach(name, s.Spec)
		return &floodSender{sender, s.Spec, s.Side}, err
	}
	r, err := ipc.NewReceiver(context.Background(), name, a.options(s.Spec))
	return &floodReceiver{r, s.Spec}, err
}

func (f *floodReceiver) Close() error { return f.r.Close() }
func (f *floodSender) Close() error   { return f.s.Close() }

// Run receives until its time is over, and then closes the receiver, which stops the
// senders.
func (f *floodReceiver) Run(s worker.Step) (worker.Reply, error) {
	m, c := measure.NewMeterOf(s, f.spec), measure.NewChecker(f.spec.Size)
	from := allocations()
	err := f.take(m, c.How(f.spec))
	r := m.Reply()
	if f.spec.Take == takeRecv || f.spec.Take == takeAll {
		r.Figures = map[string]float64{figAllocs: float64(allocations()-from) / float64(max(m.Count, 1))}
	}
	if f.spec.Twice {
		r.Count /= 2
	}
	return r, errors.Join(err, f.r.Close())
}

// allocations returns the number of allocations of this process so far.
func allocations() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

func (f *floodReceiver) take(m *measure.Meter, check func([]byte) error) error {
	switch f.spec.Take {
	case "":
		return f.consume(m, check)
	case takeAppend:
		buf := make([]byte, 0, f.spec.Size)
		return oneByOne(m, check, func(ctx context.Context) (_ []byte, err error) {
			buf, err = f.r.RecvAppend(ctx, buf[:0])
			return buf, err
		})
	case takeRecv:
		return oneByOne(m, check, f.r.Recv)
	case takeAll:
		return f.all(m, check)
	case takeNext:
		return f.next(m, check)
	}
	return fmt.Errorf("no way to take messages is called %q", f.spec.Take)
}

func (f *floodReceiver) consume(m *measure.Meter, check func([]byte) error) error {
	for {
		n, err := f.r.Consume(context.Background(), 0, check)
		if err != nil {
			return err
		}
		if m.Add(n) {
			return nil
		}
	}
}

// oneByOne receives messages by recv until the measurement is over.
func oneByOne(m *measure.Meter, check func([]byte) error, recv func(context.Context) ([]byte, error)) error {
	for ctx := context.Background(); ; {
		msg, err := recv(ctx)
		if err == nil {
			err = check(msg)
		}
		if err != nil || m.Add(1) {
			return err
		}
	}
}

func (f *floodReceiver) all(m *measure.Meter, check func([]byte) error) error {
	for msg, err := range f.r.All(context.Background()) {
		if err == nil {
			err = check(msg)
		}
		if err != nil || m.Add(1) {
			return err
		}
	}
	return ipc.ErrDisconnected
}

func (f *floodReceiver) next(m *measure.Meter, check func([]byte) error) error {
	for {
		msg, err := f.r.TryNext()
		if errors.Is(err, ipc.ErrEmpty) {
			msg, err = f.r.Next(context.Background())
		}
		if err == nil {
			err = check(msg)
		}
		if err == nil {
			err = f.r.Release()
		}
		if err != nil || m.Add(1) {
			return err
		}
	}
}

// Run sends until the receiver closes.
func (f *floodSender) Run(worker.Step) (worker.Reply, error) {
	var err error
	switch {
	case f.spec.InPlace:
		err = f.claims()
	case f.spec.Batch > 1:
		for send := f.batch(); err == nil; {
			err = send()
		}
	default:
		err = f.sends()
	}
	if errors.Is(err, ipc.ErrDisconnected) {
		err = nil
	}
	return worker.Reply{}, err
}

func (f *floodSender) sends() error {
	ctx, msg := context.Background(), measure.NewMessage(f.spec.Size, f.who)
	for n := uint64(0); ; n++ {
		measure.Number(msg, f.who, n)
		if err := f.s.Send(ctx, msg); err != nil {
			return err
		}
	}
}

// batch returns a function that sends the next batch.
func (f *floodSender) batch() func() error {
	ctx, msgs, n := context.Background(), make([][]byte, f.spec.Batch), uint64(0)
	for i := range msgs {
		msgs[i] = measure.NewMessage(f.spec.Size, f.who)
	}
	return func() error {
		for _, msg := range msgs {
			measure.Number(msg, f.who, n)
			n++
		}
		_, err := f.s.SendBatch(ctx, msgs)
		return err
	}
}

// claims writes every byte of every message in place.
func (f *floodSender) claims() error {
	for n := uint64(0); ; n++ {
		c, err := f.s.Claim(context.Background(), f.spec.Size)
		if err != nil {
			return err
		}
		measure.Fill(c.Bytes(), uint64(f.who)<<measure.SenderShift|n)
		if err := c.Commit(); err != nil {
			return err
		}
	}
}
