package ipc

import (
	"context"
	"runtime"

	"github.com/shmchan/shmchan/internal/futex"
)

// waits is what an endpoint waits for: a message, room, or that its messages are
// received.
type waits interface {
	// ready reports whether the wait has succeeded. It is a few loads, for spinning.
	ready() bool
	// over reports whether the wait has ended for another reason, such as Close.
	over() bool
	// moves reports whether the other side has made progress since the last call.
	moves() bool
	// look does what must be done before a sleep, and returns an error if nothing is
	// left to wait for. again means that the wait may have succeeded now.
	look() (again bool, err error)
	// announce tells the other side that this one is about to sleep, and returns the
	// words that it sleeps on: its doorbells, each with its value before any notification.
	announce() []futex.Word
	retract()
}

// neverSpin, as a number of pauses, disables spinning because a poll takes too long.
const neverSpin = ^uint32(0)

// await waits once. After nil the caller checks again for what it waits for. All
// endpoints wait by these steps:
//
//	spin      polls tightly, then with pauses, for as long as recent spins have
//	          paid (spin.go)
//	yield     a goroutine that this one has made runnable runs first
//	announce  announces the sleep, and executes the asymmetric fence
//	look      sees whatever was published before the announcement took effect
//	sleep     on the doorbells and on a word of its own, which Close, a context that is
//	          done, a death or a tick changes
//	retract
//
// No wake-up is lost. A publication after the look notifies, because the
// announcement is already visible (doorbell.go and line.go in package shm), and the
// values that sleep compares were read before the look.
func (e *endpoint) await(ctx context.Context, op string, w waits, pauses uint32) error {
	if ctx.Err() != nil { // even if ready: the room may be lost to others repeatedly
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
	if runtime.GOMAXPROCS(0) == 1 { // otherwise it runs elsewhere, and Gosched wakes a thread in vain
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
