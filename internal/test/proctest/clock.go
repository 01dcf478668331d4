package proctest

import (
	"sync/atomic"
	"testing"
	"time"
)

// A Clock measures time without the time for which this process was ready but could
// not run, since a bound on a duration is a promise about the program, not about
// other load of the machine. It does not measure other processes, so exclude their
// work or try again. A Clock is safe for concurrent use.
type Clock struct {
	kept  atomic.Int64 // nanoseconds for which the process could not run
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

// run adds up the time by which sleeps are too long.
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

// Now returns the clock's reading.
func (c *Clock) Now() time.Duration { return time.Since(c.start) - time.Duration(c.kept.Load()) }

// Since returns the time since the reading then.
func (c *Clock) Since(then time.Duration) time.Duration { return c.Now() - then }
