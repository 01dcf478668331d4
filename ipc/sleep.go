package ipc

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/shmchan/shmchan/internal/futex"
)

// longestSleep is the maximum number of heartbeats that an endpoint sleeps. Its own
// beats find whatever changed without a wake-up; this limit is for a peer that has
// damaged the words that they compare.
const longestSleep = 100

// sleep waits until a doorbell is notified or the endpoint's own word is not own, at most
// until the context's deadline.
func (e *endpoint) sleep(ctx context.Context, bells []futex.Word, own uint32) error {
	d := longestSleep * e.opts.Heartbeat
	deadline, bounded := ctx.Deadline()
	if bounded {
		d = min(d, time.Until(deadline))
	}
	if ctx.Done() != nil {
		extra := e.cancels.arm(ctx, e.wake)
		defer e.cancels.disarm(extra)
		if ctx.Err() != nil { // done before the callback was set
			return nil
		}
	}
	err := e.spin.asleep(func(long bool) error { return futex.WaitAny(d, bells, futex.Word{At: &e.own, Is: own}, long) })
	if bounded && !time.Now().Before(deadline) {
		overdue(ctx)
	}
	if errors.Is(err, syscall.EFAULT) { // truncated: the next look returns the error
		return nil
	}
	return err
}

// overdue waits for a context whose deadline has passed to be done. Its timer needs
// the processor, which polling again would occupy.
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
