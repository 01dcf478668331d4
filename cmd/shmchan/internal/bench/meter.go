package bench

import "time"

// meter counts messages and, after a warm-up, the time that they take. It reads
// the clock every so many messages, and finds out how many that should be.
type meter struct {
	count, next, stride uint64
	warm, span          time.Duration
	lap                 uint64 // the warm-up takes this many at least
	start               time.Time
	last                time.Duration // when it looked last, since start
	from                uint64        // the count when the warm-up was over
	began               time.Duration // and the time then; 0: it is not
	took                time.Duration
	whole               uint64 // where it counts no time: this many are all
}

func newMeter(warm, span time.Duration) *meter {
	return &meter{warm: warm, span: span, stride: 1, next: 1, start: time.Now()}
}

// newMeterOf returns one whose warm-up goes round the ring of a spec: until then every
// page of it is new to somebody, and the kernel's work is measured.
func newMeterOf(s step, of spec) *meter {
	m := newMeter(s.Warm, s.For)
	m.lap = uint64(2 * of.Capacity / max(of.Size, 1))
	return m
}

// upTo returns a meter that ends with so many messages.
func upTo(n uint64) *meter { return &meter{whole: n, next: n} }

// add counts n messages and reports whether that was all.
func (m *meter) add(n int) bool {
	m.count += uint64(n)
	return m.count >= m.next && m.look()
}

func (m *meter) look() bool {
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
	m.last, m.next = now, m.count+m.stride
	if m.began == 0 {
		if now >= m.warm && m.count >= m.lap {
			m.began, m.from = now, m.count
		}
		return false
	}
	m.took = now - m.began
	return m.took >= m.span
}

func (m *meter) reply() reply { return reply{Count: m.count - m.from, Took: m.took} }
