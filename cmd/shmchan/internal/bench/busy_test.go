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
	// idleShare is the least share of a processor that a thread which wants all of it
	// gets while the processor has nothing else to do. Beside one busy loop it is half.
	idleShare = 0.9
	shareTime = 30 * time.Millisecond
)

// least is the smallest of the shares that threads bound to these processors get,
// all at once.
func least(t *testing.T, cpus []int) float64 {
	t.Helper()
	type result struct {
		share float64
		err   error
	}
	results := make(chan result, len(cpus))
	for _, cpu := range cpus {
		go func() {
			// Never unlocked: the thread ends with the goroutine, and its binding with it.
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

// Two busy loops on the same processor shows.
func TestShareOfAProcessorThatIsBusyIsSmall(t *testing.T) {
	cpus, err := allowedCPUs()
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return least(t, []int{cpus[0], cpus[0]}) < idleShare
	}, 10*time.Second, time.Millisecond)
}
