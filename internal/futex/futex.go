// Package futex sleeps on and wakes 32-bit words in memory, also in memory that
// several processes share (futex(2) without FUTEX_PRIVATE_FLAG).
//
// A sleeper in the kernel holds an operating system thread. The first
// maxThreads sleepers of a process get one each, which is the fastest; the
// others share threads, up to 127 sleepers a thread, by futex_waitv (Linux
// 5.16). So thousands of idle channels in one process cost tens of threads.
package futex

import (
	"math"
	"slices"
	"sync/atomic"
	"time"
)

// maxThreads is how many sleepers may hold a thread of their own. A shared
// sleeper is woken through one more goroutine switch (some 5 µs), so this should
// be more than the number of channels that are busy at once.
const maxThreads = 64

// longest is the longest sleep: a deadline after it fits into 64 bits, and it into
// a timespec of 32.
const longest = math.MaxInt32 * time.Second

var threads atomic.Int32

// Wait sleeps while *w is v, until a Wake on w or until d has passed; d ≤ 0
// returns at once. It may return early for no reason: look again and call again.
// The word must stay mapped until Wait has returned. Safe for concurrent use.
func Wait(w *atomic.Uint32, v uint32, d time.Duration) error {
	if d <= 0 || w.Load() != v {
		return nil
	}
	d = min(d, longest)
	if threads.Add(1) > maxThreads && shared.usable() {
		threads.Add(-1)
		return shared.wait(d, Word{w, v})
	}
	defer threads.Add(-1)
	return wait(w, v, d, false)
}

// Word is a futex word, and the value that it has while nobody has woken its sleeper.
type Word struct {
	At *atomic.Uint32
	Is uint32
}

func (w Word) changed() bool { return w.At.Load() != w.Is }

// WaitAny sleeps until own or one of the others is woken or is not what it Is, or
// until d has passed, as Wait does. Where CanWaitEither is false it sleeps on a single
// other alone, so that whoever changes own must wake that too. long says that the sleep
// is expected to last for several milliseconds: then it costs this process less, and a
// wake takes longer.
func WaitAny(d time.Duration, others []Word, own Word, long bool) error {
	if d <= 0 || own.changed() || slices.ContainsFunc(others, Word.changed) {
		return nil
	}
	switch {
	case len(others) > 1:
		return waitMany(d, others, own, long)
	case len(others) == 0:
		return Wait(own.At, own.Is, d)
	case !CanWaitEither():
		return Wait(others[0].At, others[0].Is, d)
	}
	d = min(d, longest)
	if threads.Add(1) > maxThreads {
		threads.Add(-1)
		return shared.wait(d, others[0], own)
	}
	defer threads.Add(-1)
	_, err := waitAny([]Word{others[0], own}, monotonic()+int64(d), long)
	return err
}

// CanWaitEither reports whether the kernel has futex_waitv (Linux 5.16).
func CanWaitEither() bool { return shared.usable() }

// Wake wakes up to n sleepers on w and returns how many it woke. To lose none,
// change *w first. It never blocks.
func Wake(w *atomic.Uint32, n int) int { return wake(w, n) }
