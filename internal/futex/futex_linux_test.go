package futex

import (
	"math"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const long = 20 * time.Second

func TestWaitReturnsAtOnceWhenTheWordDiffers(t *testing.T) {
	var w atomic.Uint32
	start := time.Now()
	require.NoError(t, Wait(&w, 1, long))
	require.Less(t, time.Since(start), long/2)
}

func TestWaitEndsByItself(t *testing.T) {
	var w atomic.Uint32
	lasts(t, 10*time.Millisecond, func(d time.Duration) error { return Wait(&w, 0, d) })
}

// lasts requires that some wait of d lasts that long. Any single one may be cut short
// by a signal with which the Go scheduler interrupts a thread.
func lasts(t *testing.T, d time.Duration, wait func(time.Duration) error) {
	t.Helper()
	require.Eventually(t, func() bool {
		start := time.Now()
		require.NoError(t, wait(d))
		return time.Since(start) >= d-time.Millisecond
	}, long, time.Millisecond)
}

func TestWakeWakesAsManyAsAsked(t *testing.T) {
	var w atomic.Uint32
	var back atomic.Int32
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for w.Load() == 0 {
				_ = Wait(&w, 0, long)
			}
			back.Add(1)
		})
	}
	require.Eventually(t, func() bool { return threads.Load() == 3 }, long, time.Millisecond)
	w.Store(1)
	woken := 0
	for woken < 3 && back.Load() < 3 {
		woken += Wake(&w, 1)
	}
	wg.Wait()
}

// More sleepers than threads: all sleep, and each is woken only by its own word.
func TestManySleepersShareThreads(t *testing.T) {
	if !shared.usable() {
		t.Log("this kernel has no futex_waitv: every sleeper holds a thread here")
		return
	}
	const n = 1000
	words := make([]atomic.Uint32, n)
	var back atomic.Int32
	var wg sync.WaitGroup
	for i := range words {
		wg.Go(func() {
			for words[i].Load() == 0 {
				if err := Wait(&words[i], 0, long); err != nil {
					t.Error(err)
					return
				}
			}
			back.Add(1)
		})
	}
	asleep := func() int {
		shared.mu.Lock()
		defer shared.mu.Unlock()
		total := int(threads.Load())
		for _, sh := range shared.shards {
			total += len(sh.sleepers)
		}
		return total
	}
	require.Eventually(t, func() bool { return asleep() == n }, long, time.Millisecond)
	require.Less(t, osThreads(t), 200)
	for i := range words {
		words[i].Store(1)
		Wake(&words[i], 1)
	}
	wg.Wait()
	require.EqualValues(t, n, back.Load())
}

func TestSharedSleeperEndsByItself(t *testing.T) {
	if !shared.usable() {
		return
	}
	var w atomic.Uint32
	lasts(t, 20*time.Millisecond, func(d time.Duration) error { return shared.wait(d, Word{&w, 0}) })
}

// A deadline far ahead must not overflow into the past, nor its parts be
// misinterpreted.
func TestSleepsMayBeAsLongAsADurationCanBe(t *testing.T) {
	for name, sleep := range map[string]func(*atomic.Uint32, time.Duration) error{
		"on a thread": func(w *atomic.Uint32, d time.Duration) error { return Wait(w, 0, d) },
		"on a shared thread": func(w *atomic.Uint32, d time.Duration) error {
			threads.Add(maxThreads) // all that may have a thread have one
			defer threads.Add(-maxThreads)
			return Wait(w, 0, d)
		},
	} {
		for _, d := range []time.Duration{1<<31*time.Second + 1, 1<<32*time.Second + 1, math.MaxInt64} {
			t.Run(name+"/"+d.String(), func(t *testing.T) {
				var w atomic.Uint32
				returned := make(chan error, 1)
				go func() { returned <- sleep(&w, d) }()
				woken := 0
				for end := time.Now().Add(long); woken == 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
					woken = Wake(&w, 1)
				}
				require.Equal(t, 1, woken, "the wait did not sleep")
				w.Store(1) // this also releases a shared sleeper
				require.NoError(t, <-returned)
			})
		}
	}
}

func TestDeadlinesKeepTheirPartsBeyond32Bits(t *testing.T) {
	require.Equal(t, kernelTimespec{1<<32 + 5, 7}, toKernelTimespec((1<<32+5)*int64(time.Second)+7))
}

func osThreads(t *testing.T) int {
	t.Helper()
	status, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	names := make([]string, 0, len(status))
	for _, e := range status {
		names = append(names, e.Name())
	}
	t.Log(len(names), "threads:", strings.Join(names[:min(3, len(names))], " "), "…")
	return len(names)
}
