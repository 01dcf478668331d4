package ipc

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/shmchan/shmchan/internal/cpu"
	"github.com/shmchan/shmchan/internal/process"
)

// spinner busy-waits before an end sleeps: a sleep and its wake cost tens of
// microseconds, a hand-over between running ends a tenth of one. Left to itself
// it spins as long as that paid lately: a spin or a short sleep that ended in
// time lets it spin longer next time, a spin in vain less.
//
// On a machine with one processor it never spins: the other end has nowhere to
// run. A process that is bound to one of several can't know whether the other end
// is bound to the same. There only a spin that succeeded counts (a sleep would be
// short because of the shared processor), so the budget falls to nothing, and now
// and then one more spin finds out whether that has changed.
//
// Safe for concurrent use.
type spinner struct {
	fixed  time.Duration // Options.Spin
	bound  bool          // the process may use one processor only
	budget atomic.Int64  // nanoseconds, when adaptive
	waits  atomic.Uint32 // with a budget of nothing
	long   atomic.Bool   // the last sleep was
}

const (
	minSpin = 2 * time.Microsecond
	maxSpin = 50 * time.Microsecond
	// longSleep is how long a sleep lasts where its wake may take some more time.
	longSleep = 4 * time.Millisecond
	// mostMoving bounds a spin that goes on because the other end does.
	mostMoving = time.Millisecond
	// tightLooks come before the first reading of the clock, which may take as long
	// as a hand-over. yieldEvery lets other goroutines run: not more often, since
	// the Go scheduler then wakes another thread to look for work.
	tightLooks = 256
	clockLooks = 64
	// pausedLooks come with pauses between them.
	pausedLooks = 4
	yieldEvery  = 20 * time.Microsecond
	probeEvery  = 64
)

func (s *spinner) init(fixed time.Duration) {
	s.fixed = fixed
	s.bound = runtime.NumCPU() == 1
	s.budget.Store(int64(maxSpin))
	if process.Processors() == 1 {
		s.fixed = -1
	}
}

// limit is how long to spin now.
func (s *spinner) limit() time.Duration {
	if s.fixed != 0 {
		return s.fixed
	}
	b := s.budget.Load()
	if b == 0 && s.waits.Add(1)%probeEvery == 0 {
		return minSpin
	}
	return time.Duration(b)
}

// until spins for limit until ready says so, and reports whether it did. At each
// reading of the clock it looks whether to stop. Between two looks it makes so many
// pauses: each look takes what is looked at away from the other end for a moment.
func (s *spinner) until(limit time.Duration, pauses uint32, ready, stop, moves func() bool) bool {
	if limit <= 0 {
		return ready()
	}
	looks := clockLooks
	if pauses > 0 {
		looks = pausedLooks
	} else {
		for range tightLooks {
			if ready() {
				s.grow()
				return true
			}
		}
		// A goroutine that this one has made runnable, by handing a message on through
		// a Go channel for example, runs first: the other end may wait for that one.
		runtime.Gosched()
	}
	yield := yieldEvery
	for start := time.Now(); ; {
		for range looks {
			if ready() {
				s.grow()
				return true
			}
			if pauses > 0 {
				cpu.Pause(pauses)
			}
		}
		spent := time.Since(start)
		switch {
		case stop():
			return false
		case spent < limit:
		case s.fixed == 0 && spent < mostMoving && moves != nil && moves():
			limit = min(spent+limit, mostMoving)
		default:
			s.shrink()
			return false
		}
		if spent > yield {
			runtime.Gosched()
			process.Yield()
			yield = spent + yieldEvery
		}
	}
}

// asleep sleeps after a spin in vain. If that was short, a longer spin would have
// paid. A sleep is expected to be long if the last one was.
func (s *spinner) asleep(sleep func(long bool) error) error {
	start := time.Now()
	err := sleep(s.long.Load())
	d := time.Since(start)
	if long := d > longSleep; s.long.Load() != long {
		s.long.Store(long)
	}
	if s.fixed == 0 {
		s.slept(d)
	}
	return err
}

func (s *spinner) slept(d time.Duration) {
	if d < maxSpin && !s.bound {
		s.grow()
	}
}

func (s *spinner) grow() {
	if b := s.budget.Load(); b < int64(maxSpin) {
		s.budget.Store(min(max(2*b, int64(minSpin)), int64(maxSpin)))
	}
}

func (s *spinner) shrink() {
	b := s.budget.Load() / 2
	if b < int64(minSpin) {
		b = int64(minSpin)
		if s.bound {
			b = 0
		}
	}
	s.budget.Store(b)
}
