//go:build failpoints

package killtest

import (
	"sync/atomic"
	"time"
)

// lag tells for how long a process that wanted to run did not.
type lag struct{ total atomic.Int64 }

// kept is this process's.
var kept lag

// measure does so until halted: what a sleep takes too long.
func (l *lag) measure(halt <-chan struct{}) {
	const nap = 2 * time.Millisecond
	for {
		start := time.Now()
		select {
		case <-halt:
			return
		case <-time.After(nap):
			l.total.Add(int64(time.Since(start) - nap))
		}
	}
}

func (l *lag) since(was int64) time.Duration { return time.Duration(l.total.Load() - was) }
