package bench

import (
	"fmt"
	"github.com/shmchan/shmchan/internal/order"
)

// fillRing is the sender of the minimal ring: it writes records where they stay
// and publishes them in strides of a power of two, until the receiver has had
// enough. What it knows of the receiver's position it looks up only when the ring
// seems full. A record is the message alone, of a size that the compiler knows, and
// their number is a power of two: as little as a C program can do.
func fillRing[T records](m *memory, stride uint64) error {
	var msg T
	for i := range len(msg) {
		msg[i] = filling(i)
	}
	ring, head := ringOf[T](m), m.head.Load()
	full := uint64(len(ring))
	for tail := m.tail.Load(); ; {
		if tail-head == full {
			if err := await(func() bool { head = m.head.Load(); return tail-head < full || m.stop.Load() == 1 }); err != nil {
				return err
			}
			if m.stop.Load() == 1 {
				m.stop.Store(0)
				return nil
			}
		}
		msg[0] = tail
		ring[tail&(full-1)] = msg
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
	return meter.reply(), m.endRing()
}

// drainRecords is drainRing for records of other sizes, with the check that the
// channel's receiver has for them.
func drainRecords[T records](m *memory, s step, stride uint64) (reply, error) {
	ring, head, tail := ringOf[T](m), m.head.Load(), m.tail.Load()
	full := uint64(len(ring))
	meter, c := newMeter(s.Warm, s.For), newChecker(ringBytes/len(ring))
	for more := true; more; {
		if head == tail {
			if err := await(func() bool { tail = m.tail.Load(); return tail != head }); err != nil {
				return reply{}, err
			}
		}
		for range stride {
			if err := c.every(bytesOf(&ring[head&(full-1)])); err != nil {
				return reply{}, err
			}
			head++
		}
		// Gives the room back; pairs with the load of head in fillRing.
		order.Store64(&m.head, head)
		more = !meter.add(int(stride))
	}
	return meter.reply(), m.endRing()
}

// endRing ends the sender, and leaves the words as both found them: the sender runs
// into the end of its room, finds the word, and takes it back.
func (m *memory) endRing() error {
	m.stop.Store(1)
	if err := await(func() bool { return m.stop.Load() == 0 }); err != nil {
		return err
	}
	m.head.Store(0)
	m.tail.Store(0)
	return nil
}

// ringEnd is the ring as a case of its own.
type ringEnd struct {
	m *memory
	s step
}

func openRing(a *actor, s step) (end, error) { return &ringEnd{a.mem, s}, nil }

func (e *ringEnd) run(s step) (reply, error) {
	stride, receives := uint64(e.s.Spec.Batch), e.s.Side == receiving
	switch size := e.s.Spec.Size; {
	case size == recordBytes && receives:
		return e.m.drainRing(s, stride)
	case size == recordBytes:
		return reply{}, fillRing[record](e.m, stride)
	case size == 16:
		return ringSide[[2]uint64](e.m, s, stride, receives)
	case size == 32:
		return ringSide[[4]uint64](e.m, s, stride, receives)
	case size == 128:
		return ringSide[[16]uint64](e.m, s, stride, receives)
	case size == 256:
		return ringSide[[32]uint64](e.m, s, stride, receives)
	}
	return reply{}, fmt.Errorf("no ring has records of %d bytes", e.s.Spec.Size)
}

func ringSide[T records](m *memory, s step, stride uint64, receives bool) (reply, error) {
	if receives {
		return drainRecords[T](m, s, stride)
	}
	return reply{}, fillRing[T](m, stride)
}

func (e *ringEnd) close() error { return nil }
