package shm

import (
	"errors"
	"fmt"
	"runtime"
)

// wordsAreShared says what is wrong where Go has no atomic operations on 64 bits
// but under a lock of the process's own, which keeps no other process out: two
// senders could claim the same bytes, or a receiver read half a position.
func wordsAreShared() error {
	if atomicsNeed == "" {
		return nil
	}
	return fmt.Errorf("atomic operations on 64 bits reach no other process in a program for linux/%s; build it %s: %w",
		runtime.GOARCH, atomicsNeed, errors.ErrUnsupported)
}
