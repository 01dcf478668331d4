package ipc

import (
	"context"
	"sync"
)

// cancels wakes an endpoint's sleepers when a context is done. The callback of the
// most recent context stays registered, so that waiting again with the same context,
// the common case, does not allocate.
type cancels struct {
	mu    sync.Mutex
	done  <-chan struct{} // of the context whose callback is registered
	unset func() bool
	users int // sleepers that rely on it
}

// arm registers a callback for the sleep that follows. It returns the argument of
// disarm. Precondition: ctx.Done is not nil.
func (c *cancels) arm(ctx context.Context, wakeAll func()) (extra func() bool) {
	done := ctx.Done()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.done == done:
	case c.users > 0: // another goroutine sleeps with another context
		return context.AfterFunc(ctx, wakeAll)
	default:
		if c.unset != nil {
			c.unset()
		}
		c.done, c.unset = done, context.AfterFunc(ctx, wakeAll)
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
