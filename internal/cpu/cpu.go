// Package cpu has the instruction for busy waits that the language lacks.
package cpu

import (
	"sync"
	"time"
)

// Pauses returns how many times Pause must do nothing to take about d. One takes 4
// to 60 ns, depending on the processor; the first call measures it. Safe for
// concurrent use.
func Pauses(d time.Duration) uint32 { return uint32(float64(d) / each()) }

// each is how long one pause takes, in nanoseconds: the shortest of some
// measurements, for whatever interrupts one makes it longer.
var each = sync.OnceValue(func() float64 {
	const rounds, pauses = 5, 200
	shortest := time.Duration(1 << 62)
	for range rounds {
		start := time.Now()
		Pause(pauses)
		shortest = min(shortest, time.Since(start))
	}
	return max(float64(shortest)/pauses, 1) // a clock may be too coarse to tell
})
