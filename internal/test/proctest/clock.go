package proctest

import (
	"sync/atomic"
	"testing"
	"time"
)

// A Clock measures time, less that for which this process wanted to run and could
// not: a bound on how long something takes is a promise about the program, not
// about what else runs on the machine. Other processes are not measured, so keep
// what they do outside, or try again. Safe for concurrent use.
type Clock struct {
	kept  atomic.Int64 // nanoseconds
	start time.Time
}

// StartClock starts a clock, which stops when the test ends.
func StartClock(t testing.TB) *Clock {
	c := &Clock{start: time.Now()}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		c.run(stop)
	}()
	t.Cleanup(func() {
		close(stop)
		<-stopped
	})
	return c
}

// run adds up what sleeps take too long.
func (c *Clock) run(stop <-chan struct{}) {
	const nap = 2 * time.Millisecond
	for {
		start := time.Now()
		select {
		case <-stop:
			return
		case <-time.After(nap):
			c.kept.Add(int64(time.Since(start) - nap))
		}
	}
}

// Now is the clock's reading.
func (c *Clock) Now() time.Duration { return time.Since(c.start) - time.Duration(c.kept.Load()) }

// Since is how long ago the clock showed then.
func (c *Clock) Since(then time.Duration) time.Duration { return c.Now() - then }
