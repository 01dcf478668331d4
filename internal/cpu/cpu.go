// Package cpu provides the processor instructions for busy waits and prefetching that
// Go lacks.
package cpu

import (
	"sync"
	"time"
)

// Pauses returns the argument with which Pause takes about d. One pause takes 4 to 60 ns,
// depending on the processor; the first call measures it. It is safe for concurrent use.
func Pauses(d time.Duration) uint32 { return uint32(float64(d) / each()) }

// each returns how long one pause takes, in nanoseconds. It is the shortest of several
// measurements, since an interruption only makes a measurement longer.
var each = sync.OnceValue(func() float64 {
	const rounds, pauses = 5, 200
	shortest := time.Duration(1 << 62)
	for range rounds {
		start := time.Now()
		Pause(pauses)
		shortest = min(shortest, time.Since(start))
	}
	return max(float64(shortest)/pauses, 1) // the clock may be too coarse
})
