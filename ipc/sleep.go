package ipc

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/shmchan/shmchan/internal/futex"
)

// longestSleep is how many heartbeats an endpoint sleeps at most. Its own beats find
// what nobody woke it for; this is for a peer that has damaged what they look at.
const longestSleep = 100

// sleep waits while no bell is rung and the endpoint's own word is own, at most
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
		if ctx.Err() != nil { // it came before the callback could be set
			return nil
		}
	}
	err := e.spin.asleep(func(long bool) error { return futex.WaitAny(d, bells, futex.Word{At: &e.own, Is: own}, long) })
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
