package measure

import (
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// Meter counts messages and, after a warm-up, measures the time that they take. It
// reads the clock once in a number of messages, which it adapts to their rate.
type Meter struct {
	Count, next, stride uint64
	warm, span          time.Duration
	lap                 uint64 // the warm-up takes this many at least
	start               time.Time
	last                time.Duration // when the clock was read last, since start
	from                uint64        // the count at the end of the warm-up
	began               time.Duration // and its time; 0: still warming up
	took                time.Duration
	whole               uint64 // if not 0, it ends after this many and measures no time
}

// NewMeter returns a meter that measures for span after a warm-up.
func NewMeter(warm, span time.Duration) *Meter {
	return &Meter{warm: warm, span: span, stride: 1, next: 1, start: time.Now()}
}

// NewMeterOf returns a meter whose warm-up lasts until the messages have filled the
// ring of a spec twice. Before that, processes touch pages for the first time, and the
// kernel's page faults would be measured too.
func NewMeterOf(s worker.Step, of worker.Spec) *Meter {
	m := NewMeter(s.Warm, s.For)
	m.lap = uint64(2 * of.Capacity / max(of.Size, 1))
	return m
}

// UpTo returns a meter that ends after n messages.
func UpTo(n uint64) *Meter { return &Meter{whole: n, next: n} }

// Add counts n messages and reports whether the measurement is over.
func (m *Meter) Add(n int) bool {
	m.Count += uint64(n)
	return m.Count >= m.next && m.look()
}

func (m *Meter) look() bool {
	if m.whole > 0 {
		return true
	}
	const often, seldom = 50 * time.Microsecond, 500 * time.Microsecond
	now := time.Since(m.start)
	switch step := now - m.last; {
	case step < often:
		m.stride *= 2
	case step > seldom && m.stride > 1:
		m.stride /= 2
	}
	m.last, m.next = now, m.Count+m.stride
	if m.began == 0 {
		if now >= m.warm && m.Count >= m.lap {
			m.began, m.from = now, m.Count
		}
		return false
	}
	m.took = now - m.began
	return m.took >= m.span
}

// Reply returns what was counted and measured.
func (m *Meter) Reply() worker.Reply { return worker.Reply{Count: m.Count - m.from, Took: m.took} }
