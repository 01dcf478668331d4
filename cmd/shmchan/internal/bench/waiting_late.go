package bench

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
	"github.com/shmchan/shmchan/ipc"
)

// resting is the part of a process that has nothing to do in a case.
type resting struct{}

func (resting) Run(worker.Step) (worker.Reply, error) { return worker.Reply{}, nil }
func (resting) Close() error                          { return nil }

// onProcs sets GOMAXPROCS, and returns a function that restores it.
func onProcs(s worker.Spec) (restore func()) {
	if s.Procs == 0 {
		return func() {}
	}
	before := runtime.GOMAXPROCS(s.Procs)
	return func() { runtime.GOMAXPROCS(before) }
}

// deadlineReceiver calls Recv with a deadline again and again. A sender is attached
// that sends nothing.
type deadlineReceiver struct {
	r       *ipc.Receiver
	timeout time.Duration
	restore func()
}

type quietSender struct{ s *ipc.Sender }

func (e quietSender) Run(worker.Step) (worker.Reply, error) { return worker.Reply{}, nil }
func (e quietSender) Close() error                          { return e.s.Close() }

func openDeadline(a *self, s worker.Step) (worker.Part, error) {
	if s.Side != worker.Receiving {
		sender, err := a.attach(worker.Ways[0], s.Spec)
		return quietSender{sender}, err
	}
	restore := onProcs(s.Spec)
	r, err := ipc.NewReceiver(context.Background(), worker.Ways[0], a.options(s.Spec))
	return &deadlineReceiver{r, s.Spec.Timeout, restore}, err
}

func (e *deadlineReceiver) Close() error {
	e.restore()
	return e.r.Close()
}

func (e *deadlineReceiver) Run(s worker.Step) (worker.Reply, error) {
	var l measure.Load
	late := measure.NewSamples()
	start := time.Now()
	warm, end := start.Add(s.Warm), start.Add(s.Warm+s.For)
	for measuring := false; ; {
		deadline := time.Now().Add(e.timeout)
		switch {
		case deadline.After(end) && late.Count() > 0:
			return late.Into(l.Since(true))
		case !measuring && deadline.After(warm):
			measuring, l = true, measure.LoadNow(true)
		}
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		_, err := e.r.Recv(ctx)
		now := time.Now()
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			return worker.Reply{}, errors.Join(errors.New("it did not wait"), err)
		}
		if measuring {
			late.Add(now.Sub(deadline))
		}
	}
}
