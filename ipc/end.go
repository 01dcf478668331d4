package ipc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/shmchan/shmchan/internal/busguard"
	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/shm"
)

// end is what a Sender and a Receiver have in common: an attached segment, the
// bell that it sleeps on, and what may wake it there.
type end struct {
	set  settings
	name string
	seg  *shm.Segment
	ring *shm.Ring
	me   shm.End
	bell shm.Bell
	spin spinner
	// guard tells whether the file was truncated: see shm.Segment.Broken.
	guard busguard.Guard

	touched time.Time // when the file's times were last set, or that was tried

	cancels cancels
	deaths  deathWatch

	wake   func()     // poke, made once: a method value costs an allocation
	mapped sync.Mutex // guards gone against pokes from other goroutines
	gone   bool       // the mapping may be

	errDisconnected, errClosed error // made once: failing costs no allocation
}

func (e *end) init(op, name string, s settings, seg *shm.Segment, me shm.End, bell shm.Bell) {
	e.set, e.name, e.seg, e.ring, e.me, e.bell = s, name, seg, seg.Ring(), me, bell
	e.spin.init(s.Spin)
	e.guard = seg.Guard()
	e.wake = e.poke
	e.errDisconnected = e.fail(op, ErrDisconnected)
	e.errClosed = e.fail(op, ErrClosed)
}

// start makes the attached end t tick.
func (e *end) start(t ticker) {
	if !fence.Register() {
		e.bell.MustFence()
	}
	e.refresh()
	heart.add(t, e.set.Heartbeat)
}

// fail names the operation and the channel.
func (e *end) fail(op string, err error) error { return fmt.Errorf("%s %s: %w", op, e.name, err) }

// poke makes whoever of this channel sleeps on the end's bell look again. It may
// come at any time, after Close too.
func (e *end) poke() {
	e.mapped.Lock()
	defer e.mapped.Unlock()
	if !e.gone {
		e.bell.Poke()
	}
}

// sleep waits on the bell while its sequence is seq. A publisher may die between
// its publication and its wake: at every heartbeat the end's tick looks on behalf
// of sleepers and wakes those for whom there is something to see, which is cheaper
// than waking them all to look. The bound here is only in case that the tick is
// late.
func (e *end) sleep(ctx context.Context, seq uint32) error {
	d := lateTick * e.set.Heartbeat
	if deadline, ok := ctx.Deadline(); ok {
		d = min(d, time.Until(deadline))
	}
	if ctx.Done() != nil {
		extra := e.cancels.arm(ctx, e.wake)
		defer e.cancels.disarm(extra)
		if ctx.Err() != nil { // it came before the callback could be set
			return nil
		}
	}
	err := e.spin.asleep(func() error { return e.bell.Sleep(seq, d) })
	if errors.Is(err, syscall.EFAULT) { // truncated: the next look finds out
		return nil
	}
	return err
}

// lateTick is how many heartbeats a sleeper waits for its end's tick.
const lateTick = 4

// sound replaces the outcome of an access to the ring if the file was truncated
// under it.
func (e *end) sound(op string, err error) error {
	if e.guard.Broken() {
		err = e.broken(op)
	}
	return err // the rest apart, so that the look is inlined
}

func (e *end) broken(op string) error { return e.fail(op, e.seg.BrokenError()) }

// quiet stops whatever may touch the mapping from another goroutine.
func (e *end) quiet(t ticker) {
	heart.remove(t)
	e.deaths.cancel()
	e.cancels.stop()
	e.mapped.Lock()
	e.gone = true
	e.mapped.Unlock()
}

// cancels wakes an end's sleepers when a context is done. The callback of the
// context used last stays set, so that waiting again with the same context, the
// common case, allocates nothing.
type cancels struct {
	mu    sync.Mutex
	done  <-chan struct{} // of the context whose callback is set
	unset func() bool
	users int // sleeping with it
}

// arm sets a callback for the sleep that follows. It returns what disarm needs.
// Precondition: the context can be done.
func (c *cancels) arm(ctx context.Context, poke func()) (extra func() bool) {
	done := ctx.Done()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.done == done:
	case c.users > 0: // another goroutine sleeps with another context
		return context.AfterFunc(ctx, poke)
	default:
		if c.unset != nil {
			c.unset()
		}
		c.done, c.unset = done, context.AfterFunc(ctx, poke)
	}
	c.users++
	return nil
}

func (c *cancels) disarm(extra func() bool) {
	if extra != nil {
		extra()
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users--
}

func (c *cancels) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unset != nil {
		c.unset()
	}
	c.done, c.unset = nil, nil
}
