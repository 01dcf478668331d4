//go:build linux && !race

package bench

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const (
	// idleShare is the least share of an otherwise idle processor that a busy thread
	// gets. Beside another busy loop its share is half.
	idleShare = 0.9
	shareTime = 30 * time.Millisecond
)

// least returns the smallest share that simultaneous threads, each bound to one of
// these processors, get.
func least(t *testing.T, cpus []int) float64 {
	t.Helper()
	type result struct {
		share float64
		err   error
	}
	results := make(chan result, len(cpus))
	for _, cpu := range cpus {
		go func() {
			// Not unlocked, so that the thread and its binding end with the goroutine.
			runtime.LockOSThread()
			share, err := shareOf(cpu)
			results <- result{share, err}
		}()
	}
	low := 1.0
	for range cpus {
		r := <-results
		require.NoError(t, r.err)
		low = min(low, r.share)
	}
	return low
}

// shareOf binds this thread to the processor and returns the share of it that a
// busy loop gets.
func shareOf(cpu int) (float64, error) {
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return 0, err
	}
	used := func() (d time.Duration, err error) {
		var ts unix.Timespec
		err = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
		return time.Duration(ts.Nano()), err
	}
	before, err := used()
	if err != nil {
		return 0, err
	}
	start := time.Now()
	for time.Since(start) < shareTime {
	}
	took := time.Since(start)
	after, err := used()
	return float64(after-before) / float64(took), err
}

// Two busy loops on one processor are noticed.
func TestShareOfAProcessorThatIsBusyIsSmall(t *testing.T) {
	cpus, err := allowedCPUs()
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return least(t, []int{cpus[0], cpus[0]}) < idleShare
	}, 10*time.Second, time.Millisecond)
}
