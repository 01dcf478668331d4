package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
	"github.com/shmchan/shmchan/ipc"
)

// donePart kills receivers in child processes, and measures how long their senders take
// to notice.
type donePart struct {
	a    *self
	spec worker.Spec
}

// doomed is the receiver in such a child.
type doomed struct {
	resting
	r *ipc.Receiver
}

func (e doomed) Close() error { return e.r.Close() }

func openDone(a *self, s worker.Step) (worker.Part, error) {
	switch {
	case s.Spec.Size > 0: // the child
		r, err := ipc.NewReceiver(context.Background(), doomedName(s.Spec.Size), a.options(s.Spec))
		return doomed{r: r}, err
	case s.Side != worker.Receiving:
		return resting{}, nil
	}
	return &donePart{a, s.Spec}, nil
}

func doomedName(n int) string { return fmt.Sprintf("doomed-%d", n) }

func (e *donePart) Close() error { return nil }

func (e *donePart) Run(s worker.Step) (worker.Reply, error) {
	took := measure.NewSamples()
	for n, start := 1, time.Now(); n == 1 || time.Since(start) < s.For; n++ {
		d, err := e.once(n, e.spec)
		if err != nil {
			return worker.Reply{}, err
		}
		took.Add(d)
	}
	return took.Into(worker.Reply{})
}

// once returns the time from the kill of one receiver until its sender notices.
func (e *donePart) once(n int, s worker.Spec) (time.Duration, error) {
	w, err := worker.Start(e.a.dir)
	if err != nil {
		return 0, err
	}
	defer w.End()
	ctx := context.Background()
	const room = 4 << 10
	s.Size, s.Capacity = n, room
	if _, err := w.Ask(ctx, worker.Step{Op: worker.OpOpen, Spec: s, Side: worker.Receiving}); err != nil {
		return 0, err
	}
	sender, err := ipc.NewSender(ctx, doomedName(n), e.a.options(s))
	if err != nil {
		return 0, err
	}
	knows := sender.Done()
	if s.Blocked {
		knows = blockedUntilGone(sender, make([]byte, room/4))
	}
	time.Sleep(settleDown)
	from := time.Now()
	if err := w.Kill(); err != nil {
		return 0, err
	}
	select {
	case <-knows:
	case <-time.After(worker.Patience):
		return 0, worker.ErrPatience
	}
	return time.Since(from), sender.Close()
}

// settleDown is how long an endpoint has to fall asleep.
const settleDown = 5 * time.Millisecond

// blockedUntilGone sends until the receiver is gone, and then closes the Go channel that
// it returns.
func blockedUntilGone(s *ipc.Sender, msg []byte) <-chan struct{} {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for s.Send(context.Background(), msg) == nil {
		}
	}()
	return gone
}

// cutPart measures how long a blocked endpoint takes to return after its Close or the
// end of its context, on a truncated file or on a whole one.
type cutPart struct {
	a       *self
	damaged bool
}

func openCut(a *self, s worker.Step) (worker.Part, error) {
	if s.Side != worker.Receiving {
		return resting{}, nil
	}
	return &cutPart{a, s.Spec.Damaged}, nil
}

func (e *cutPart) Close() error { return nil }

func (e *cutPart) Run(s worker.Step) (worker.Reply, error) {
	took := measure.NewSamples()
	for n, start := 0, time.Now(); n < 4 || time.Since(start) < s.For; n++ {
		if err := e.once(n, took); err != nil {
			return worker.Reply{}, err
		}
	}
	return took.Into(worker.Reply{})
}

// once blocks an endpoint and ends the wait. The four ways take turns: a receiver or a
// sender, by its Close or by its context.
func (e *cutPart) once(n int, took measure.Samples) (err error) {
	const name, room = "cut", 4 << 10
	o := e.a.options(worker.Spec{Capacity: room})
	r, err := ipc.NewReceiver(context.Background(), name, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close(), ignoreMissing(os.Remove(filepath.Join(e.a.dir, name)))) }()
	s, err := ipc.NewSender(context.Background(), name, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	end := cancel
	wait := func() error { _, err := r.Recv(ctx); return err }
	if n&1 != 0 {
		wait = func() error {
			for {
				if err := s.Send(ctx, make([]byte, room/4)); err != nil {
					return err
				}
			}
		}
	}
	if n&2 != 0 {
		end = func() { _ = r.Close() }
		if n&1 != 0 {
			end = func() { _ = s.Close() }
		}
	}
	return e.measure(wait, end, took)
}

// measure records the time from the call of end until wait returns.
func (e *cutPart) measure(wait func() error, end func(), took measure.Samples) error {
	returned := make(chan time.Time, 1)
	go func() {
		_ = wait()
		returned <- time.Now()
	}()
	time.Sleep(settleDown)
	if e.damaged {
		if err := os.Truncate(filepath.Join(e.a.dir, "cut"), 0); err != nil {
			return err
		}
	}
	from := time.Now()
	end()
	select {
	case at := <-returned:
		if d := at.Sub(from); d > 0 { // otherwise a heartbeat found the damage first
			took.Add(d)
		}
	case <-time.After(worker.Patience):
		return worker.ErrPatience
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
