package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/shmchan/shmchan/ipc"
)

// doneEnd kills receivers of other processes, and measures until a sender knows. A
// process that is to be killed is its own child.
type doneEnd struct {
	a    *actor
	spec spec
}

// doomed is the receiver of such a child.
type doomed struct {
	resting
	r *ipc.Receiver
}

func (e doomed) close() error { return e.r.Close() }

func openDone(a *actor, s step) (end, error) {
	switch {
	case s.Spec.Size > 0: // the child
		r, err := ipc.NewReceiver(context.Background(), doomedName(s.Spec.Size), a.options(s.Spec))
		return doomed{r: r}, err
	case s.Side != receiving:
		return resting{}, nil
	}
	return &doneEnd{a, s.Spec}, nil
}

func doomedName(n int) string { return fmt.Sprintf("doomed-%d", n) }

func (e *doneEnd) close() error { return nil }

func (e *doneEnd) run(s step) (reply, error) {
	took := newSamples()
	for n, start := 1, time.Now(); n == 1 || time.Since(start) < s.For; n++ {
		d, err := e.once(n, e.spec)
		if err != nil {
			return reply{}, err
		}
		took.add(d)
	}
	return took.into(reply{})
}

// once is from the kill of one receiver until its sender knows.
func (e *doneEnd) once(n int, s spec) (time.Duration, error) {
	w, err := startWorker(e.a.dir)
	if err != nil {
		return 0, err
	}
	defer w.end()
	ctx := context.Background()
	const room = 4 << 10
	s.Size, s.Capacity = n, room
	if _, err := w.ask(ctx, step{Op: opOpen, Spec: s, Side: receiving}); err != nil {
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
	if err := w.cmd.Process.Kill(); err != nil {
		return 0, err
	}
	select {
	case <-knows:
	case <-time.After(patience):
		return 0, errPatience
	}
	return time.Since(from), sender.Close()
}

// settleDown is how long an end has to fall asleep.
const settleDown = 5 * time.Millisecond

// blockedUntilGone sends until the receiver has gone, which closes the channel that it
// returns.
func blockedUntilGone(s *ipc.Sender, msg []byte) <-chan struct{} {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for s.Send(context.Background(), msg) == nil {
		}
	}()
	return gone
}

// cutEnd measures how long a blocked end takes to hear Close or its context, on a
// file that was truncated or on a whole one.
type cutEnd struct {
	a       *actor
	damaged bool
}

func openCut(a *actor, s step) (end, error) {
	if s.Side != receiving {
		return resting{}, nil
	}
	return &cutEnd{a, s.Spec.Damaged}, nil
}

func (e *cutEnd) close() error { return nil }

func (e *cutEnd) run(s step) (reply, error) {
	took := newSamples()
	for n, start := 0, time.Now(); n < 4 || time.Since(start) < s.For; n++ {
		if err := e.once(n, took); err != nil {
			return reply{}, err
		}
	}
	return took.into(reply{})
}

// once blocks one end in every way in turn: a receiver or a sender, which hears its
// Close or its context.
func (e *cutEnd) once(n int, took samples) (err error) {
	const name, room = "cut", 4 << 10
	o := e.a.options(spec{Capacity: room})
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

// measure is from end until wait returns.
func (e *cutEnd) measure(wait func() error, end func(), took samples) error {
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
		if d := at.Sub(from); d > 0 { // else a beat found the damage first
			took.add(d)
		}
	case <-time.After(patience):
		return errPatience
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
