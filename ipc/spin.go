package ipc

import (
	"runtime"
	"sync/atomic"
	"time"
)

// spinner busy-waits before an end sleeps: a sleep and its wake cost tens of
// microseconds, a hand-over between running ends a tenth of one. Left to itself
// it spins as long as that paid lately: a spin or a short sleep that ended in
// time lets it spin longer next time, a spin in vain less. With one CPU it never
// spins: the other end has nowhere to run. Safe for concurrent use.
type spinner struct {
	fixed  time.Duration // Options.Spin
	budget atomic.Int64  // nanoseconds, when adaptive
}

const (
	minSpin   = 2 * time.Microsecond
	maxSpin   = 50 * time.Microsecond
	tightSpin = 4 * time.Microsecond // then the goroutine yields between looks
)

func (s *spinner) init(fixed time.Duration) {
	s.fixed = fixed
	s.budget.Store(int64(maxSpin))
}

// until spins until ready says so, and reports whether it did.
func (s *spinner) until(ready func() bool) bool {
	limit := s.fixed
	if limit == 0 {
		limit = time.Duration(s.budget.Load())
	}
	if limit < 0 || runtime.NumCPU() == 1 {
		return ready()
	}
	const looks = 64 // between two readings of the clock
	for start := time.Now(); ; {
		for range looks {
			if ready() {
				s.grow()
				return true
			}
		}
		spent := time.Since(start)
		if spent >= limit {
			s.shrink()
			return false
		}
		if spent > tightSpin {
			runtime.Gosched()
		}
	}
}

// slept tells how long the sleep after a spin in vain was.
func (s *spinner) slept(d time.Duration) {
	if d < maxSpin {
		s.grow()
	}
}

func (s *spinner) grow() {
	if b := s.budget.Load(); b < int64(maxSpin) {
		s.budget.Store(min(2*b, int64(maxSpin)))
	}
}

func (s *spinner) shrink() {
	s.budget.Store(max(s.budget.Load()/2, int64(minSpin)))
}
