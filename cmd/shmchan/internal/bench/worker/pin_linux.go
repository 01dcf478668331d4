package worker

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// pin keeps every thread of this process on one CPU. A new thread inherits the CPU of
// the thread that started it, which may not have been pinned yet; so pin goes over all
// threads until it finds no new one.
func pin(cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	pinned := map[string]bool{}
	for again := true; again; {
		again = false
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, t := range threads {
			if pinned[t.Name()] {
				continue
			}
			tid, err := strconv.Atoi(t.Name())
			if err != nil {
				return err
			}
			if err := unix.SchedSetaffinity(tid, &set); err != nil && err != unix.ESRCH {
				return fmt.Errorf("pin to CPU %d: %w", cpu, err)
			}
			pinned[t.Name()], again = true, true
		}
	}
	return nil
}
