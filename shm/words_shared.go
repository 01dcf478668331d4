package shm

import (
	"errors"
	"fmt"
	"runtime"
)

// wordsAreShared returns an error if the program's atomic operations on 64 bits use
// a lock inside the process, which excludes no other process: two senders could
// claim the same bytes, or a receiver read half a position.
func wordsAreShared() error {
	if atomicsNeed == "" {
		return nil
	}
	return fmt.Errorf("atomic operations on 64 bits reach no other process in a program for linux/%s; build it %s: %w",
		runtime.GOARCH, atomicsNeed, errors.ErrUnsupported)
}
