package reference

import (
	"errors"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// crossing is the line or the futex as a case of its own, with all percentiles.
type crossing struct {
	m           *Memory
	asks, futex bool
}

func OpenLine(m *Memory, s worker.Step) (worker.Part, error) {
	return &crossing{m, s.Side == worker.Receiving, false}, nil
}
func OpenFutex(m *Memory, s worker.Step) (worker.Part, error) {
	return &crossing{m, s.Side == worker.Receiving, true}, nil
}

func (c *crossing) Run(s worker.Step) (worker.Reply, error) {
	switch {
	case c.asks && c.futex:
		n := uint32(0)
		r, err := measure.Trips(s, func() error { return c.m.crossFutex(&n) })
		return r, errors.Join(err, c.m.endFutex())
	case c.asks:
		n := uint64(0)
		r, err := measure.Trips(s, func() error { return c.m.crossLine(&n) })
		return r, errors.Join(err, c.m.endLine())
	case c.futex:
		return worker.Reply{}, c.m.answerFutex()
	}
	return worker.Reply{}, c.m.answerLine()
}

func (c *crossing) Close() error { return nil }
