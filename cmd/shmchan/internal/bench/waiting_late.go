package bench

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/shmchan/shmchan/ipc"
)

// resting is the part of a process that a case does not need.
type resting struct{}

func (resting) run(step) (reply, error) { return reply{}, nil }
func (resting) close() error            { return nil }

// onProcs sets GOMAXPROCS, and returns what sets it back.
func onProcs(s spec) (restore func()) {
	if s.Procs == 0 {
		return func() {}
	}
	before := runtime.GOMAXPROCS(s.Procs)
	return func() { runtime.GOMAXPROCS(before) }
}

// deadlineReceiver calls Recv with a deadline, again and again, while a sender is
// attached that sends nothing.
type deadlineReceiver struct {
	r       *ipc.Receiver
	timeout time.Duration
	restore func()
}

type quietSender struct{ s *ipc.Sender }

func (e quietSender) run(step) (reply, error) { return reply{}, nil }
func (e quietSender) close() error            { return e.s.Close() }

func openDeadline(a *actor, s step) (end, error) {
	if s.Side != receiving {
		sender, err := a.attach(ways[0], s.Spec)
		return quietSender{sender}, err
	}
	restore := onProcs(s.Spec)
	r, err := ipc.NewReceiver(context.Background(), ways[0], a.options(s.Spec))
	return &deadlineReceiver{r, s.Spec.Timeout, restore}, err
}

func (e *deadlineReceiver) close() error {
	e.restore()
	return e.r.Close()
}

func (e *deadlineReceiver) run(s step) (reply, error) {
	var l load
	late := newSamples()
	start := time.Now()
	warm, end := start.Add(s.Warm), start.Add(s.Warm+s.For)
	for measuring := false; ; {
		deadline := time.Now().Add(e.timeout)
		switch {
		case deadline.After(end) && late.h.TotalCount() > 0:
			return late.into(l.since(true))
		case !measuring && deadline.After(warm):
			measuring, l = true, loadNow(true)
		}
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		_, err := e.r.Recv(ctx)
		now := time.Now()
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			return reply{}, errors.Join(errors.New("it did not wait"), err)
		}
		if measuring {
			late.add(now.Sub(deadline))
		}
	}
}
