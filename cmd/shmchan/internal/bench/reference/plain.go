package reference

import (
	"encoding/binary"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
	"github.com/shmchan/shmchan/internal/order"
)

// The plain ring is a ring for messages of any size and one sender, as one writes it
// in C. A message is its length and then its bytes in one piece, published by one store
// of tail. A message that does not fit before the end of the ring begins at its start.
// Go's copy stands for memcpy: from a mebibyte on it bypasses the cache, which the
// channel avoids.

const (
	plainHeader = 8
	plainSkip   = ^uint64(0) // in place of a length: continue at the start of the ring
)

// plainPart is one process of the plain ring; head and tail count bytes.
type plainPart struct {
	m    *plainMemory
	spec worker.Spec
	who  int
}

func OpenPlain(dir string, s worker.Step) (worker.Part, error) {
	m, err := openPlainMemory(dir, s.Spec.Capacity)
	return &plainPart{m, s.Spec, s.Side}, err
}

func (e *plainPart) Close() error { return unmapFile(e.m.raw) }

func (e *plainPart) Run(s worker.Step) (worker.Reply, error) {
	if e.who == worker.Receiving {
		return e.drain(s)
	}
	return worker.Reply{}, e.fill()
}

// stride returns how many bytes of the ring a message takes.
func (e *plainPart) stride() uint64 { return uint64(plainHeader + (e.spec.Size+7)&^7) }

func (e *plainPart) fill() error {
	data, stride, size := e.m.data, e.stride(), e.spec.Size
	full, msg, first := uint64(len(data)), measure.NewMessage(size, e.who), uint64(e.who)<<measure.SenderShift
	for head, tail := uint64(0), uint64(0); ; first++ {
		at, skip := tail&(full-1), uint64(0)
		if at+stride > full {
			skip = full - at
		}
		if tail+skip+stride-head > full {
			if err := worker.Await(func() bool {
				head = e.m.Head.Load()
				return tail+skip+stride-head <= full || e.m.stop.Load() == 1
			}); err != nil {
				return err
			}
			if e.m.stop.Load() == 1 {
				e.m.stop.Store(0)
				return nil
			}
		}
		if skip > 0 {
			binary.LittleEndian.PutUint64(data[at:], plainSkip)
			at = 0
		}
		binary.LittleEndian.PutUint64(data[at:], uint64(size))
		if to := data[at+plainHeader:][:size]; e.spec.InPlace {
			measure.Fill(to, first)
		} else {
			binary.LittleEndian.PutUint64(msg, first)
			copy(to, msg)
		}
		tail += skip + stride
		// Publishes the message; pairs with the load of tail in drain.
		order.Store64(&e.m.Tail, tail)
	}
}

func (e *plainPart) drain(s worker.Step) (_ worker.Reply, err error) {
	meter, c, buf := measure.NewMeterOf(s, e.spec), measure.NewChecker(e.spec.Size), make([]byte, e.spec.Size)
	data, stride := e.m.data, e.stride()
	full := uint64(len(data))
	for head, tail := uint64(0), uint64(0); ; {
		if head == tail {
			if err := worker.Await(func() bool { tail = e.m.Tail.Load(); return tail != head }); err != nil {
				return worker.Reply{}, err
			}
		}
		at := head & (full - 1)
		n := binary.LittleEndian.Uint64(data[at:])
		if n == plainSkip {
			head += full - at
			at = 0
			n = binary.LittleEndian.Uint64(data)
		}
		if n > full-at-plainHeader {
			return worker.Reply{}, errTorn
		}
		msg := data[at+plainHeader:][:n]
		head += stride
		// Each store of head releases a message; pairs with the load of head in fill.
		if e.spec.InPlace {
			err = c.Whole(msg)
			order.Store64(&e.m.Head, head)
		} else {
			buf = append(buf[:0], msg...)
			order.Store64(&e.m.Head, head)
			err = c.Edges(buf)
		}
		if err != nil {
			return worker.Reply{}, err
		}
		if meter.Add(1) {
			return meter.Reply(), e.over()
		}
	}
}

// over stops the sender, and leaves the words as they were.
func (e *plainPart) over() error {
	e.m.stop.Store(1)
	if err := worker.Await(func() bool { return e.m.stop.Load() == 0 }); err != nil {
		return err
	}
	e.m.Head.Store(0)
	e.m.Tail.Store(0)
	return nil
}
