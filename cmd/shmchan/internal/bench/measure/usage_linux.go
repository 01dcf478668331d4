package measure

import (
	"time"

	"golang.org/x/sys/unix"
)

// ProcessorTime returns what this process has used.
func ProcessorTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u) // can't fail: the argument is right
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// processorTimeOf returns what another process has used.
func processorTimeOf(pid int) (time.Duration, error) {
	const schedule = 2 // CPUCLOCK_SCHED: what the scheduler has counted, in nanoseconds
	var ts unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|schedule), &ts)
	return time.Duration(ts.Nano()), err
}
