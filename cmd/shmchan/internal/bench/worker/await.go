package worker

import (
	"errors"
	"time"
)

// Patience bounds every wait of one worker for another. A parent waits for a worker
// twice as long, beyond the time that the worker was told to measure.
const Patience = 10 * time.Second

// ErrPatience is returned when a wait has lasted for Patience.
var ErrPatience = errors.New("the other process did nothing for " + Patience.String())

// Await spins until ready returns true. It returns ErrPatience if that takes too long.
func Await(ready func() bool) error {
	const looks = 1 << 12 // between two readings of the clock
	for start := time.Now(); ; {
		for range looks {
			if ready() {
				return nil
			}
		}
		if time.Since(start) > Patience {
			return ErrPatience
		}
	}
}
