package ipc

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/shmchan/shmchan/internal/futex"
)

// waits is what an endpoint waits for: a message, room, or that its messages are
// received.
type waits interface {
	// ready reports whether it is there. It is a few loads, for spinning.
	ready() bool
	// over reports whether the wait is over for another reason, such as Close.
	over() bool
	// moves reports whether the other side has gone on since the last call.
	moves() bool
	// look does what must be done before a sleep, and finds out whether there is
	// anything left to wait for. True means that it may be there now.
	look() (again bool, err error)
	// announce tells the other side that this one is about to sleep on bell, and
	// returns the value that bell has while nobody has woken it.
	announce() uint32
	bell() *atomic.Uint32
	retract()
}

// await waits once; nil means: look again. It is the one way in which an endpoint
// waits:
//
//	spin      looks tightly, then with pauses, as long as that paid lately (spin.go)
//	yield     a goroutine that this one has made runnable runs first
//	announce  says that it is about to sleep, and fences everywhere
//	look      what came before the announcement took effect is seen here
//	sleep     on the bell and on a word of its own, which Close, a context that is
//	          done, a death and a tick change
//	retract
//
// No wake-up is lost: what is published after the look is rung for, since the
// announcement stood by then (bell.go and line.go in package shm), and the values
// that are slept on were read before the look.
func (e *end) await(ctx context.Context, op string, w waits, pauses uint32) error {
	if ctx.Err() != nil { // even if ready: the room may be lost again, and again
		if again, err := w.look(); again || err != nil || w.over() {
			return err
		}
		return e.fail(op, ctxError(ctx))
	}
	stop := func() bool { return w.over() || ctx.Err() != nil }
	for left := e.spin.limit(); ; {
		part := min(left, e.set.Heartbeat)
		left -= part
		if ctx.Err() == nil && e.spin.until(part, pauses, w.ready, stop, w.moves) {
			return nil
		}
		if left <= 0 {
			break
		}
		if again, err := w.look(); again || err != nil {
			return err
		}
	}
	runtime.Gosched()
	if ctx.Err() == nil && w.ready() {
		return nil
	}
	own := e.own.Load()
	bell := w.announce()
	defer w.retract()
	again, err := w.look()
	switch {
	case err != nil || again || w.over():
		return err
	case ctx.Err() != nil:
		return e.fail(op, ctxError(ctx))
	case w.ready():
		return nil
	}
	if err := e.sleep(ctx, w.bell(), bell, own); err != nil {
		return e.fail(op, err)
	}
	return nil
}

// ctxError is why the context is done.
func ctxError(ctx context.Context) error { return ctx.Err() }

// longestSleep is how many heartbeats an endpoint sleeps at most. Its own beats find
// what nobody woke it for; this is for a peer that has damaged what they look at.
const longestSleep = 100

// sleep waits while the bell is bell and the endpoint's own word is own, at most
// until the context's deadline.
func (e *end) sleep(ctx context.Context, word *atomic.Uint32, bell, own uint32) error {
	d := longestSleep * e.set.Heartbeat
	deadline, bounded := ctx.Deadline()
	if bounded {
		d = min(d, time.Until(deadline))
	}
	if ctx.Done() != nil {
		extra := e.cancels.arm(ctx, e.wake)
		defer e.cancels.disarm(extra)
		if ctx.Err() != nil { // it came before the callback could be set
			return nil
		}
	}
	err := e.spin.asleep(func(long bool) error { return futex.WaitEither(word, bell, &e.own, own, d, long) })
	if bounded && !time.Now().Before(deadline) {
		overdue(ctx)
	}
	if errors.Is(err, syscall.EFAULT) { // truncated: the next look finds out
		return nil
	}
	return err
}

// overdue waits for a context whose deadline has passed: its timer needs the
// processor that looking again would use.
func overdue(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	bound := time.NewTimer(time.Millisecond)
	defer bound.Stop()
	select {
	case <-ctx.Done():
	case <-bound.C:
	}
}
