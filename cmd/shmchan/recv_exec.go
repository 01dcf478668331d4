package main

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/shmchan/shmchan/ipc"
)

// window is the number of messages per job that may be in hand. A message whose command
// has ended waits there for those before it.
const window = 4

// execution runs the command of --exec for each message, up to jobs at a time. It
// releases messages in order, each after its command and all before it have succeeded.
type execution struct {
	*recv
	s     *source
	spawn spawner
	ended chan struct{} // receives a token when a command has ended; holds one

	hand    []*job    // unreleased messages, in order
	begun   uint64    // messages whose command was started
	taken   uint64    // messages that were released
	waiting time.Time // when the wait for the next message began; zero if there is none
}

func (v *recv) execute(ctx context.Context, s *source) (taken uint64, err error) {
	e := &execution{recv: v, s: s, ended: make(chan struct{}, 1)}
	e.spawn.init(v.app, v.exec)
	stop := e.spawn.watchStops()
	defer stop()
	err = e.feed(ctx)
	// The running commands finish in any case.
	if ferr := e.finish(); ferr != nil {
		err = ferr
	}
	return e.taken, err
}

// feed starts commands until there is a reason to end.
func (e *execution) feed(ctx context.Context) error {
	if e.try {
		e.s.limit()
	}
	for !e.count.reached(e.begun) {
		if err := e.settle(); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if e.failed() {
			return nil // finish returns the error; later messages stay
		}
		if e.busy() {
			e.waiting = time.Time{}
			<-e.ended // not ctx: running commands finish in any case
			continue
		}
		msg, err := e.next(ctx)
		switch {
		case errors.Is(err, errEnded):
			continue
		case errors.Is(err, ipc.ErrDisconnected):
			return orderly(err)
		case err != nil:
			return e.tried(e.begun, err)
		}
		msg = bytes.Clone(msg)
		if err := e.s.Intact(); err != nil { // otherwise msg may contain zeros
			return err
		}
		e.hand = append(e.hand, e.spawn.start(msg, e.s.name(), e.s.Meta(), e.ended))
		e.begun++
		e.waiting = time.Time{}
	}
	return nil
}

// failed reports whether a command in hand has failed.
func (e *execution) failed() bool {
	return slices.ContainsFunc(e.hand, func(j *job) bool { return j.over() && j.err != nil })
}

// busy reports whether no further command may be started now.
func (e *execution) busy() bool {
	running := 0
	for _, j := range e.hand {
		if !j.over() {
			running++
		}
	}
	return running >= e.jobs || e.jobs > 1 && len(e.hand) >= window*e.jobs
}

// errEnded reports that a command ended before a message arrived.
var errEnded = errors.New("a command has ended")

// next waits for the next message or the end of a command.
func (e *execution) next(ctx context.Context) ([]byte, error) {
	msg, err := e.s.TryNext()
	if !errors.Is(err, ipc.ErrEmpty) || e.try {
		return msg, err
	}
	var cancel context.CancelFunc
	wait := ctx
	if e.waiting.IsZero() {
		e.waiting = time.Now()
	}
	if e.timeout.given() {
		wait, cancel = context.WithDeadline(wait, e.waiting.Add(e.timeout.after))
		defer cancel()
	}
	if len(e.hand) > 0 {
		wait, cancel = context.WithCancel(wait)
		defer cancel()
		over := make(chan struct{})
		defer func() { <-over }()
		defer cancel()
		go func() {
			defer close(over)
			select {
			case <-e.ended:
				cancel()
			case <-wait.Done():
			}
		}()
	}
	msg, err = e.s.Next(wait)
	switch {
	case err == nil || ctx.Err() != nil:
	case errors.Is(err, context.DeadlineExceeded):
		err = because(err, "no message arrived within %v", e.timeout.after)
	case errors.Is(err, context.Canceled):
		err = errEnded
	}
	return msg, err
}

// settle releases the first messages, up to one whose command is running or has failed.
// It returns the error of a failed command.
func (e *execution) settle() error {
	n := 0
	var failed error
	for _, j := range e.hand {
		if !j.over() {
			break
		}
		if failed = j.failure(); failed != nil {
			failed = e.s.about(j.name, failed)
			break
		}
		n++
	}
	if n > 0 {
		if err := e.s.ReleaseFirst(n); err != nil {
			return err
		}
		e.taken += uint64(n)
		for _, j := range e.hand[:n] {
			e.meter.add(1, j.size)
		}
		e.hand = append(e.hand[:0], e.hand[n:]...)
	}
	return failed
}

// finish waits for the commands in hand and settles them.
func (e *execution) finish() error {
	for _, j := range e.hand {
		<-j.done
	}
	return e.settle()
}
