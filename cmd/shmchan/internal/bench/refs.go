package bench

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

// The references, by what step.Ref says.
const (
	refLine  = "line"
	refRing  = "ring"
	refFutex = "futex"
)

// over is what the asking side of line and futex stores when it has measured.
const over = 1<<32 - 1

// refer does one side of a reference for about as long as the step says.
func (a *actor) refer(s step) (reply, error) {
	switch {
	case s.Ref == refLine && s.Side == receiving:
		return a.mem.askLine(s.For)
	case s.Ref == refLine:
		return reply{}, a.mem.answerLine()
	case s.Ref == refFutex && s.Side == receiving:
		return a.mem.askFutex(s.For)
	case s.Ref == refFutex:
		return reply{}, a.mem.answerFutex()
	case s.Ref == refRing && s.Side == receiving:
		return a.mem.drainRing(s, 1)
	case s.Ref == refRing:
		return reply{}, fillRing[record](a.mem, 1)
	}
	return reply{}, fmt.Errorf("no reference %q", s.Ref)
}

// askLine measures a line's way to the other side: the median of many samples,
// each of many round trips, because the clock takes as long as a crossing.
func (m *memory) askLine(d time.Duration) (reply, error) {
	const trips = 50
	samples := make([]float64, 0, 1<<14)
	n := uint64(0)
	for start := time.Now(); len(samples) < cap(samples) && (len(samples) < 2 || time.Since(start) < d); {
		from := time.Now()
		for range trips {
			if err := m.crossLine(&n); err != nil {
				return reply{}, err
			}
		}
		samples = append(samples, float64(time.Since(from))/(2*trips))
	}
	err := m.endLine()
	return reply{Nanos: median(samples[1:]), Count: uint64(len(samples) * trips)}, err
}

// crossLine is one round trip: the other side answers n+1 by n+2.
func (m *memory) crossLine(n *uint64) error {
	m.line.Store(*n + 1)
	*n += 2
	for range 1 << 10 {
		if m.line.Load() == *n {
			return nil
		}
	}
	return await(func() bool { return m.line.Load() == *n })
}

func (m *memory) endLine() error {
	m.line.Store(over)
	return await(func() bool { return m.line.Load() == 0 })
}

// answerLine answers until the asking side is over, and leaves the word as both
// found it.
func (m *memory) answerLine() error {
	for n := uint64(0); n != over; {
		if err := await(func() bool { n = m.line.Load(); return n&1 == 1 }); err != nil {
			return err
		}
		if n != over {
			m.line.Store(n + 1)
		}
	}
	m.line.Store(0)
	return nil
}

// askFutex measures a word's way to a sleeper: the median of round trips, halved.
func (m *memory) askFutex(d time.Duration) (reply, error) {
	samples := make([]float64, 0, 1<<14)
	n := uint32(0)
	for start := time.Now(); len(samples) < cap(samples) && (len(samples) < 2 || time.Since(start) < d); {
		from := time.Now()
		if err := m.crossFutex(&n); err != nil {
			return reply{}, err
		}
		samples = append(samples, float64(time.Since(from))/2)
	}
	err := m.endFutex()
	return reply{Nanos: median(samples[1:]), Count: uint64(len(samples))}, err
}

// nap bounds one sleep: a raw system call can't be interrupted by the runtime.
const nap = time.Second

func (m *memory) crossFutex(n *uint32) error {
	*n++
	m.there.Store(*n)
	futexWake(&m.there)
	return sleepWhile(&m.back, *n-1)
}

// sleepWhile sleeps while *w is v. The runtime's signals wake it early.
func sleepWhile(w *atomic.Uint32, v uint32) error {
	if w.Load() != v {
		return nil
	}
	futexWait(w, v, nap)
	if w.Load() != v {
		return nil
	}
	for start := time.Now(); w.Load() == v; futexWait(w, v, nap) {
		if time.Since(start) > patience {
			return errPatience
		}
	}
	return nil
}

func (m *memory) endFutex() error {
	m.there.Store(over)
	futexWake(&m.there)
	if err := await(func() bool { return m.back.Load() == over }); err != nil {
		return err
	}
	m.there.Store(0)
	m.back.Store(0)
	return nil
}

func (m *memory) answerFutex() error {
	for n := uint32(0); n != over; {
		if err := sleepWhile(&m.there, n); err != nil {
			return err
		}
		n = m.there.Load()
		m.back.Store(n)
		if n != over {
			futexWake(&m.back)
		}
	}
	return nil
}

// median of what is not empty.
func median(samples []float64) float64 {
	sorted := slices.Sorted(slices.Values(samples))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
