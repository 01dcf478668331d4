package bench

import (
	"context"
	"errors"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
	"github.com/shmchan/shmchan/ipc"
)

// tripPart is one process of round trips through a pair of channels.
type tripPart struct {
	r       *ipc.Receiver
	s       *ipc.Sender
	asks    bool
	twice   bool // each trip is made twice
	message []byte
}

func openTrip(a *self, s worker.Step) (_ worker.Part, err error) {
	in, out := worker.Ways[0], worker.Ways[1]
	e := &tripPart{asks: s.Side == worker.Receiving, twice: s.Spec.Twice, message: measure.NewMessage(s.Spec.Size, s.Side)}
	if e.asks {
		in, out = out, in
	}
	if e.r, err = ipc.NewReceiver(context.Background(), in, a.options(s.Spec)); err != nil {
		return nil, err
	}
	if e.s, err = a.attach(out, s.Spec); err != nil {
		return nil, errors.Join(err, e.r.Close())
	}
	return e, nil
}

func (e *tripPart) Run(s worker.Step) (worker.Reply, error) {
	if !e.asks {
		return worker.Reply{}, e.answer()
	}
	trip := e.trip()
	if e.twice {
		once := trip
		trip = func() error { return errors.Join(once(), once()) }
	}
	r, err := measure.Trips(s, trip)
	// An empty message ends the other side. Were it to find out by Close, a side that
	// spins for long would find out much later.
	return r, errors.Join(err, e.s.Send(context.Background(), nil))
}

// trip returns a function that sends a message and receives the answer.
func (e *tripPart) trip() func() error {
	ctx, c := context.Background(), measure.NewChecker(len(e.message))
	buf, n := make([]byte, 0, len(e.message)), uint64(0)
	return func() (err error) {
		measure.Number(e.message, 0, n)
		n++
		if err := e.s.Send(ctx, e.message); err != nil {
			return err
		}
		if buf, err = e.r.RecvAppend(ctx, buf[:0]); err != nil {
			return err
		}
		return c.Edges(buf)
	}
}

func (e *tripPart) answer() error {
	ctx := context.Background()
	for buf := make([]byte, 0, len(e.message)); ; {
		var err error
		if buf, err = e.r.RecvAppend(ctx, buf[:0]); err == nil {
			err = e.s.Send(ctx, buf)
		}
		if err != nil || len(buf) == 0 {
			return err
		}
	}
}

func (e *tripPart) Close() error { return errors.Join(e.s.Close(), e.r.Close()) }
