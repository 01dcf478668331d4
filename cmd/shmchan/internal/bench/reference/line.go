package reference

import (
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// askLine measures how long a cache line takes to cross: the median of many samples,
// each of many round trips, because reading the clock takes as long as a crossing.
func (m *Memory) askLine(d time.Duration) (worker.Reply, error) {
	const trips = 50
	samples := make([]float64, 0, 1<<14)
	n := uint64(0)
	for start := time.Now(); len(samples) < cap(samples) && (len(samples) < 2 || time.Since(start) < d); {
		from := time.Now()
		for range trips {
			if err := m.crossLine(&n); err != nil {
				return worker.Reply{}, err
			}
		}
		samples = append(samples, float64(time.Since(from))/(2*trips))
	}
	err := m.endLine()
	return worker.Reply{Nanos: measure.Median(samples[1:]), Count: uint64(len(samples) * trips)}, err
}

// crossLine is one round trip: the other side answers n+1 by n+2.
func (m *Memory) crossLine(n *uint64) error {
	m.Line.Store(*n + 1)
	*n += 2
	for range 1 << 10 {
		if m.Line.Load() == *n {
			return nil
		}
	}
	return worker.Await(func() bool { return m.Line.Load() == *n })
}

func (m *Memory) endLine() error {
	m.Line.Store(Over)
	return worker.Await(func() bool { return m.Line.Load() == 0 })
}

// answerLine answers until the asking side ends, and leaves the word as it was.
func (m *Memory) answerLine() error {
	for n := uint64(0); n != Over; {
		if err := worker.Await(func() bool { n = m.Line.Load(); return n&1 == 1 }); err != nil {
			return err
		}
		if n != Over {
			m.Line.Store(n + 1)
		}
	}
	m.Line.Store(0)
	return nil
}
