package bench

import (
	"errors"
	"time"
)

// patience bounds every wait of a role for its peer, and of a parent for a role
// beyond the time that it was told to measure.
const patience = 10 * time.Second

var errPatience = errors.New("the other process did nothing for " + patience.String())

// await spins until ready says so.
func await(ready func() bool) error {
	const looks = 1 << 12 // between two readings of the clock
	for start := time.Now(); ; {
		for range looks {
			if ready() {
				return nil
			}
		}
		if time.Since(start) > patience {
			return errPatience
		}
	}
}
