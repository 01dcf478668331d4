package reference

import (
	"fmt"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
	"github.com/shmchan/shmchan/internal/order"
)

// fillRing is the sender of the minimal ring. It writes records in place and publishes
// them in strides of a power of two, until the receiver stops it. It loads head only
// when the ring seems full. A record is the message alone, of a size known at compile
// time, and the number of records is a power of two: a C program could not do less.
func fillRing[T records](m *Memory, stride uint64) error {
	var msg T
	for i := range len(msg) {
		msg[i] = measure.Filling(i)
	}
	ring, head := ringOf[T](m), m.Head.Load()
	full := uint64(len(ring))
	for tail := m.Tail.Load(); ; {
		if tail-head == full {
			if err := worker.Await(func() bool { head = m.Head.Load(); return tail-head < full || m.stop.Load() == 1 }); err != nil {
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
			order.Store64(&m.Tail, tail)
		}
	}
}

// drainRing is the receiver of the minimal ring. It checks every byte of every record
// in place, and releases records in the same strides.
func (m *Memory) drainRing(s worker.Step, stride uint64) (worker.Reply, error) {
	head, tail := m.Head.Load(), m.Tail.Load()
	meter := measure.NewMeter(s.Warm, s.For)
	for more := true; more; {
		if head == tail {
			if err := worker.Await(func() bool { tail = m.Tail.Load(); return tail != head }); err != nil {
				return worker.Reply{}, err
			}
		}
		for range stride {
			r := &m.Ring[head%ringRecords]
			bad := (r[0] ^ head) | (r[1] ^ measure.W1) | (r[2] ^ measure.W2) | (r[3] ^ measure.W3) | (r[4] ^ measure.W4) | (r[5] ^ measure.W5) | (r[6] ^ measure.W6) | (r[7] ^ measure.W7)
			if bad != 0 {
				return worker.Reply{}, errTorn
			}
			head++
		}
		// Releases the records; pairs with the load of head in fillRing.
		order.Store64(&m.Head, head)
		more = !meter.Add(int(stride))
	}
	return meter.Reply(), m.endRing()
}

// drainRecords is drainRing for records of other sizes. It checks them as the channel's
// receiver does.
func drainRecords[T records](m *Memory, s worker.Step, stride uint64) (worker.Reply, error) {
	ring, head, tail := ringOf[T](m), m.Head.Load(), m.Tail.Load()
	full := uint64(len(ring))
	meter, c := measure.NewMeter(s.Warm, s.For), measure.NewChecker(RingBytes/len(ring))
	for more := true; more; {
		if head == tail {
			if err := worker.Await(func() bool { tail = m.Tail.Load(); return tail != head }); err != nil {
				return worker.Reply{}, err
			}
		}
		for range stride {
			if err := c.Every(bytesOf(&ring[head&(full-1)])); err != nil {
				return worker.Reply{}, err
			}
			head++
		}
		// Releases the records; pairs with the load of head in fillRing.
		order.Store64(&m.Head, head)
		more = !meter.Add(int(stride))
	}
	return meter.Reply(), m.endRing()
}

// endRing stops the sender, and leaves the words as they were. The sender finds stop
// set when it has filled the ring, and clears it.
func (m *Memory) endRing() error {
	m.stop.Store(1)
	if err := worker.Await(func() bool { return m.stop.Load() == 0 }); err != nil {
		return err
	}
	m.Head.Store(0)
	m.Tail.Store(0)
	return nil
}

// ringPart is the ring as a case of its own.
type ringPart struct {
	m *Memory
	s worker.Step
}

func OpenRing(m *Memory, s worker.Step) (worker.Part, error) { return &ringPart{m, s}, nil }

func (e *ringPart) Run(s worker.Step) (worker.Reply, error) {
	stride, receives := uint64(e.s.Spec.Batch), e.s.Side == worker.Receiving
	switch size := e.s.Spec.Size; {
	case size == measure.RecordBytes && receives:
		return e.m.drainRing(s, stride)
	case size == measure.RecordBytes:
		return worker.Reply{}, fillRing[record](e.m, stride)
	case size == 16:
		return ringSide[[2]uint64](e.m, s, stride, receives)
	case size == 32:
		return ringSide[[4]uint64](e.m, s, stride, receives)
	case size == 128:
		return ringSide[[16]uint64](e.m, s, stride, receives)
	case size == 256:
		return ringSide[[32]uint64](e.m, s, stride, receives)
	}
	return worker.Reply{}, fmt.Errorf("no ring has records of %d bytes", e.s.Spec.Size)
}

func ringSide[T records](m *Memory, s worker.Step, stride uint64, receives bool) (worker.Reply, error) {
	if receives {
		return drainRecords[T](m, s, stride)
	}
	return worker.Reply{}, fillRing[T](m, stride)
}

func (e *ringPart) Close() error { return nil }
