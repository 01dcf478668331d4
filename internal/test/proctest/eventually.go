package proctest

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Eventually polls until cond returns true. It fails the test if that takes longer
// than Patience.
func Eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(Patience)
	for pause := 100 * time.Microsecond; !cond(); pause = min(2*pause, 10*time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timed out after %v, waiting until %s", Patience, what)
		}
		time.Sleep(pause)
	}
}

// Parked waits until n goroutines are blocked (on a lock, a channel, a system call)
// below a function whose name contains fn, such as "(*Receiver).Recv". A test calls
// it before it wakes them.
func Parked(t testing.TB, fn string, n int) {
	t.Helper()
	Eventually(t, "goroutines wait in "+fn, func() bool { return CountParked(fn) >= n })
}

// CountParked returns how many goroutines are blocked below such a function.
func CountParked(fn string) int {
	buf := make([]byte, 1<<16)
	for {
		if size := runtime.Stack(buf, true); size < len(buf) {
			buf = buf[:size]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	n := 0
	for stack := range bytes.SplitSeq(buf, []byte("\n\n")) {
		// goroutine 7 [chan receive, 2 minutes]:
		head, rest, _ := strings.Cut(string(stack), "\n")
		_, state, _ := strings.Cut(head, "[")
		if strings.HasPrefix(state, "running") || strings.HasPrefix(state, "runnable") {
			continue
		}
		if strings.Contains(rest, fn) {
			n++
		}
	}
	return n
}
