// Package futex sleeps on and wakes 32-bit words in memory, including memory shared
// between processes (futex(2) without FUTEX_PRIVATE_FLAG).
//
// A sleeper in the kernel occupies an operating system thread. The first maxThreads
// sleepers of a process get one each, which is the fastest; the others share threads,
// up to 127 words a thread, by futex_waitv (Linux 5.16). So thousands of idle channels
// in one process cost tens of threads.
package futex

import (
	"math"
	"slices"
	"sync/atomic"
	"time"
)

// maxThreads is the number of sleepers that may each occupy a thread. Waking a sleeper
// on a shared thread takes one more goroutine switch (some 5 µs), so this should exceed
// the number of channels that are busy at once.
const maxThreads = 64

// longest is the longest sleep. It fits into a 32-bit timespec, and the deadline that
// it leads to fits into 64 bits.
const longest = math.MaxInt32 * time.Second

var threads atomic.Int32

// Wait sleeps until *w differs from v, a Wake on w, or d has passed. If d ≤ 0 it
// returns at once. It may return spuriously, so the caller must check its condition and
// call again. The word must stay mapped until Wait has returned. It is safe for
// concurrent use.
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

// Word is a futex word and the value that it has until a waker changes it.
type Word struct {
	At *atomic.Uint32
	Is uint32
}

func (w Word) changed() bool { return w.At.Load() != w.Is }

// WaitAny sleeps until own or one of others is woken or differs from its Is, or until d
// has passed, in the same way as Wait. If CanWaitEither is false and there is a single
// other, it sleeps on that word alone, so a waker that changes own must wake that word
// too. long means that the sleep is expected to last several milliseconds: it then
// costs this process less, and a wake takes longer.
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

// Wake wakes up to n sleepers on w and returns how many it woke. The caller must change
// *w first, or it may miss a goroutine that is about to sleep. It never blocks.
func Wake(w *atomic.Uint32, n int) int { return wake(w, n) }
