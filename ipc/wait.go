package ipc

import (
	"context"
	"runtime"

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
	// announce tells the other side that this one is about to sleep, and returns what
	// it sleeps on: its bells, each with the value that it has while nobody has rung.
	announce() []futex.Word
	retract()
}

// neverSpin instead of a number of pauses: a look takes too long.
const neverSpin = ^uint32(0)

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
// announcement stood by then (doorbell.go and line.go in package shm), and the values
// that are slept on were read before the look.
func (e *endpoint) await(ctx context.Context, op string, w waits, pauses uint32) error {
	if ctx.Err() != nil { // even if ready: the room may be lost again, and again
		if again, err := w.look(); again || err != nil || w.over() {
			return err
		}
		return e.fail(op, ctx.Err())
	}
	stop := func() bool { return w.over() || ctx.Err() != nil }
	left := e.spin.limit()
	if pauses == neverSpin {
		left = 0
	}
	for {
		part := min(left, e.opts.Heartbeat)
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
	if runtime.GOMAXPROCS(0) == 1 { // else it runs elsewhere, and a thread would be woken for nothing
		runtime.Gosched()
	}
	if ctx.Err() == nil && w.ready() {
		return nil
	}
	own := e.own.Load()
	bells := w.announce()
	defer w.retract()
	again, err := w.look()
	switch {
	case err != nil || again || w.over():
		return err
	case ctx.Err() != nil:
		return e.fail(op, ctx.Err())
	case w.ready():
		return nil
	}
	if err := e.sleep(ctx, bells, own); err != nil {
		return e.fail(op, err)
	}
	return nil
}
