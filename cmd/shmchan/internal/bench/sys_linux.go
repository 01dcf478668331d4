package bench

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

func mapFile(f *os.File, size int) ([]byte, error) {
	return unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
}

func makeFIFO(path string) error { return unix.Mkfifo(path, 0o600) }

// roomyPipe gives a pipe as much room as a user may have, or leaves it.
func roomyPipe(f *os.File) { _, _ = unix.FcntlInt(f.Fd(), unix.F_SETPIPE_SZ, 1<<20) }

func unmapFile(raw []byte) error { return unix.Munmap(raw) }

// allowedCPUs are those that this process may run on.
func allowedCPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("sched_getaffinity: %w", err)
	}
	var cpus []int
	for i := 0; len(cpus) < set.Count(); i++ {
		if set.IsSet(i) {
			cpus = append(cpus, i)
		}
	}
	return cpus, nil
}

// pin keeps every thread of this process on one CPU. A new thread inherits that
// from the one that made it, which may not have been pinned yet: so until a pass
// finds nothing new.
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

// processorTime is what this process has used.
func processorTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u) // can't fail: the argument is right
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// processorTimeOf is what another process has used.
func processorTimeOf(pid int) (time.Duration, error) {
	const schedule = 2 // CPUCLOCK_SCHED: what the scheduler has counted, in nanoseconds
	var ts unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|schedule), &ts)
	return time.Duration(ts.Nano()), err
}
