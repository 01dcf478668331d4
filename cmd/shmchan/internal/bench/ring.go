package bench

import (
	"time"

	"github.com/shmchan/shmchan/internal/order"
)

// fillRing is the sender of the minimal ring: it writes records where they stay
// and publishes them in strides of a power of two, until the receiver has had
// enough. What it knows of the receiver's position it looks up only when the ring
// seems full.
func (m *memory) fillRing(stride uint64) error {
	msg := record{0, w1, w2, w3, w4, w5, w6, w7}
	head := m.head.Load()
	for tail := m.tail.Load(); ; {
		if tail-head == ringRecords {
			if err := await(func() bool { head = m.head.Load(); return tail-head < ringRecords || m.stop.Load() == 1 }); err != nil {
				return err
			}
			if m.stop.Load() == 1 {
				m.stop.Store(0)
				return nil
			}
		}
		msg[0] = tail
		m.ring[tail%ringRecords] = msg
		tail++
		if tail&(stride-1) == 0 {
			// Publishes the records; pairs with the load of tail in drainRing.
			order.Store64(&m.tail, tail)
		}
	}
}

// drainRing is the receiver: it checks every byte of every record where it lies,
// and gives back in the same strides.
func (m *memory) drainRing(s step, stride uint64) (reply, error) {
	head, tail := m.head.Load(), m.tail.Load()
	meter := newMeter(s.Warm, s.For)
	for more := true; more; {
		if head == tail {
			if err := await(func() bool { tail = m.tail.Load(); return tail != head }); err != nil {
				return reply{}, err
			}
		}
		for range stride {
			r := &m.ring[head%ringRecords]
			bad := (r[0] ^ head) | (r[1] ^ w1) | (r[2] ^ w2) | (r[3] ^ w3) | (r[4] ^ w4) | (r[5] ^ w5) | (r[6] ^ w6) | (r[7] ^ w7)
			if bad != 0 {
				return reply{}, errTorn
			}
			head++
		}
		// Gives the room back; pairs with the load of head in fillRing.
		order.Store64(&m.head, head)
		more = !meter.add(int(stride))
	}
	// The sender runs into the end of its room, finds the word, and takes it back.
	m.stop.Store(1)
	if err := await(func() bool { return m.stop.Load() == 0 }); err != nil {
		return reply{}, err
	}
	m.head.Store(0)
	m.tail.Store(0)
	return meter.reply(), nil
}

// ringEnd is the ring as a case of its own.
type ringEnd struct {
	m *memory
	s step
}

func openRing(a *actor, s step) (end, error) { return &ringEnd{a.mem, s}, nil }

func (e *ringEnd) run(s step) (reply, error) {
	if e.s.Side == receiving {
		return e.m.drainRing(s, uint64(e.s.Spec.Batch))
	}
	return reply{}, e.m.fillRing(uint64(e.s.Spec.Batch))
}

func (e *ringEnd) close() error { return nil }

// meter counts messages and, after a warm-up, the time that they take. It reads
// the clock every so many messages, and finds out how many that should be.
type meter struct {
	count, next, stride uint64
	warm, span          time.Duration
	start               time.Time
	last                time.Duration // when it looked last, since start
	from                uint64        // the count when the warm-up was over
	began               time.Duration // and the time then; 0: it is not
	took                time.Duration
}

func newMeter(warm, span time.Duration) *meter {
	return &meter{warm: warm, span: span, stride: 1, next: 1, start: time.Now()}
}

// add counts n messages and reports whether that was all.
func (m *meter) add(n int) bool {
	m.count += uint64(n)
	return m.count >= m.next && m.look()
}

func (m *meter) look() bool {
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
		if now >= m.warm {
			m.began, m.from = now, m.count
		}
		return false
	}
	m.took = now - m.began
	return m.took >= m.span
}

func (m *meter) reply() reply { return reply{Count: m.count - m.from, Took: m.took} }
