package ipc

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/shmchan/shmchan/internal/cpu"
	"github.com/shmchan/shmchan/internal/process"
)

// spinner busy-waits before an endpoint sleeps: a sleep and its wake-up cost tens of
// microseconds, a hand-over between running endpoints a tenth of one. Unless
// Options.Spin is set it adapts: a spin that succeeds, or a sleep so short that a
// longer spin would have succeeded, lengthens the next spin; a spin in vain shortens
// it.
//
// On a machine with one processor it never spins: the other endpoint has nowhere to
// run. A process that is bound to one of several processors can't know whether the
// other endpoint is bound to the same one. There only a successful spin counts,
// since a sleep may be short because they share the processor. So the budget falls
// to 0, and one spin in every probeEvery waits finds out whether that has changed.
//
// It is safe for concurrent use.
type spinner struct {
	fixed  time.Duration // Options.Spin
	bound  bool          // the process may use one processor only
	budget atomic.Int64  // nanoseconds, when adaptive
	waits  atomic.Uint32 // waits with a budget of 0
	long   atomic.Bool   // the last sleep was longer than longSleep
}

const (
	minSpin = 2 * time.Microsecond
	maxSpin = 50 * time.Microsecond
	// A sleep longer than longSleep is long: its wake-up may take somewhat longer.
	longSleep = 4 * time.Millisecond
	// maxMoving bounds a spin that continues because the other endpoint makes
	// progress.
	maxMoving = time.Millisecond
	// tightLooks polls precede the first reading of the clock, which may take as
	// long as a hand-over; clockLooks lie between two readings. A spin lets other
	// goroutines run every yieldEvery: more often, and the Go scheduler would wake
	// another thread to look for work.
	tightLooks = 256
	clockLooks = 64
	// pausedLooks polls lie between two readings if there are pauses between polls.
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

// limit returns how long to spin now.
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

// until spins until ready returns true, for at most limit, and reports whether it
// did. It calls stop at each reading of the clock. It pauses as given by pauses
// between two polls, because each poll steals the polled cache line from the other
// endpoint for a moment.
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
		// A goroutine that this one has made runnable, for example by passing on a
		// message through a Go channel, runs first: the other endpoint may be
		// waiting for it.
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
		case s.fixed == 0 && spent < maxMoving && moves != nil && moves():
			limit = min(spent+limit, maxMoving)
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

// asleep sleeps after a spin in vain. If the sleep was short, a longer spin would
// have succeeded. It tells sleep to expect a long one if the last one was.
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
