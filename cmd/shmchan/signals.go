package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/children"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/terminate"
)

// graceful runs fn, which holds an endpoint, with a context that the first SIGINT or
// SIGTERM cancels. fn then finishes and returns, and graceful returns a signalError. A
// second signal kills the process at once. A signal that was ignored at the start (by
// nohup, or by a shell for a background job) stays ignored.
//
// While fn runs, a write to a closed pipe returns EPIPE and does not kill the process.
func (a *app) graceful(ctx context.Context, fn func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	caught := make(chan os.Signal, 2)
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		if !signal.Ignored(sig) {
			signal.Notify(caught, sig)
		}
	}
	spared(syscall.SIGHUP)          // caught receives the others
	pipe := make(chan os.Signal, 1) // makes the runtime return EPIPE
	signal.Notify(pipe, syscall.SIGPIPE)
	defer signal.Stop(pipe)

	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for first := true; ; first = false {
			sig, ok := <-caught
			if !ok {
				return
			}
			if !first {
				a.abort(sig.(syscall.Signal))
				terminate.By(sig.(syscall.Signal))
			}
			a.detail("%v: finishing the message in hand; a second signal exits at once", sig)
			cancel(&signalError{signal: sig.(syscall.Signal)})
		}
	}()
	err := fn(ctx)
	// After Stop no signal is on its way to the channel, so one that arrived while fn
	// returned is not lost.
	signal.Stop(caught)
	close(caught)
	<-watched

	var killed, brokenPipe *signalError
	if !errors.As(context.Cause(ctx), &killed) {
		return err
	}
	if !errors.Is(err, context.Canceled) && !errors.As(err, &brokenPipe) {
		killed.besides = err
	}
	return killed
}

// written returns the error of a write to stdout within graceful. If stdout is a closed
// pipe, that is a death by SIGPIPE, as it would be without graceful.
func written(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return &signalError{signal: syscall.SIGPIPE}
	}
	return err
}

// onAbort registers a function to call before a second signal ends the process.
func (a *app) onAbort(fn func(syscall.Signal)) { a.aborting.Store(&fn) }

func (a *app) abort(sig syscall.Signal) {
	if fn := a.aborting.Load(); fn != nil {
		(*fn)(sig)
	}
}

// asInit prepares the first process of a PID namespace, such as that of a container. Its
// children include all orphans, and by default no signal kills it.
func asInit() {
	children.Adopt()
	spare = make(chan os.Signal, 2)
	spared(syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE)
	go func() {
		for sig := range spare {
			terminate.By(sig.(syscall.Signal))
		}
	}()
}

// spare receives the signals that would kill any process but the first of its PID
// namespace. In other processes it is nil.
var spare chan os.Signal

// spared selects the signals that spare receives.
func spared(signals ...os.Signal) {
	if spare == nil {
		return
	}
	signal.Stop(spare)
	for _, sig := range signals {
		if !signal.Ignored(sig) {
			signal.Notify(spare, sig)
		}
	}
}
