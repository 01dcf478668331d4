package reference

import (
	"sync/atomic"
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// askFutex measures how long it takes to wake a process that sleeps on a futex: half of
// the median round trip.
func (m *Memory) askFutex(d time.Duration) (worker.Reply, error) {
	samples := make([]float64, 0, 1<<14)
	n := uint32(0)
	for start := time.Now(); len(samples) < cap(samples) && (len(samples) < 2 || time.Since(start) < d); {
		from := time.Now()
		if err := m.crossFutex(&n); err != nil {
			return worker.Reply{}, err
		}
		samples = append(samples, float64(time.Since(from))/2)
	}
	err := m.endFutex()
	return worker.Reply{Nanos: measure.Median(samples[1:]), Count: uint64(len(samples))}, err
}

// nap bounds one sleep, because the runtime cannot interrupt a raw system call.
const nap = time.Second

func (m *Memory) crossFutex(n *uint32) error {
	*n++
	m.there.Store(*n)
	futexWake(&m.there)
	return sleepWhile(&m.back, *n-1)
}

// sleepWhile returns when *w is no longer v. The runtime's signals can end a sleep early.
func sleepWhile(w *atomic.Uint32, v uint32) error {
	if w.Load() != v {
		return nil
	}
	futexWait(w, v, nap)
	if w.Load() != v {
		return nil
	}
	for start := time.Now(); w.Load() == v; futexWait(w, v, nap) {
		if time.Since(start) > worker.Patience {
			return worker.ErrPatience
		}
	}
	return nil
}

func (m *Memory) endFutex() error {
	m.there.Store(Over)
	futexWake(&m.there)
	if err := worker.Await(func() bool { return m.back.Load() == Over }); err != nil {
		return err
	}
	m.there.Store(0)
	m.back.Store(0)
	return nil
}

func (m *Memory) answerFutex() error {
	for n := uint32(0); n != Over; {
		if err := sleepWhile(&m.there, n); err != nil {
			return err
		}
		n = m.there.Load()
		m.back.Store(n)
		if n != Over {
			futexWake(&m.back)
		}
	}
	return nil
}
