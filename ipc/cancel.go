package ipc

import (
	"context"
	"sync"
)

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
