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

// graceful runs fn, which holds an end of a channel, with a context that the
// first SIGINT or SIGTERM cancels: fn puts its house in order and returns, and
// what graceful returns then asks for a death by that signal. A second signal
// kills at once. A signal that was ignored from the start (nohup, a shell's
// background job) stays ignored.
//
// Meanwhile a write to a closed pipe is an error, EPIPE, and not yet a death.
func (a *app) graceful(ctx context.Context, fn func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	caught := make(chan os.Signal, 2)
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		if !signal.Ignored(sig) {
			signal.Notify(caught, sig)
		}
	}
	spared(syscall.SIGHUP)          // caught has the others now
	pipe := make(chan os.Signal, 1) // only makes the runtime leave SIGPIPE to us
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
	// Stop returns once no signal is on its way into the channel, so one that
	// came while fn ended is not lost.
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

// written is what a write to stdout within graceful came to: to a pipe that nobody
// reads it is the death that it would have been without.
func written(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return &signalError{signal: syscall.SIGPIPE}
	}
	return err
}

// onAbort has fn called when a second signal is about to end the process.
func (a *app) onAbort(fn func(syscall.Signal)) { a.aborting.Store(&fn) }

func (a *app) abort(sig syscall.Signal) {
	if fn := a.aborting.Load(); fn != nil {
		(*fn)(sig)
	}
}

// asInit makes up for what is different in the first process of a PID namespace,
// such as a container's: orphans become its children, and no signal kills it.
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

// spare gets the signals that would have killed any other process than this one;
// nil in any other process.
var spare chan os.Signal

// spared says which signals spare gets from now on.
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
