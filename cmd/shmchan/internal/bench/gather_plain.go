package bench

import (
	"encoding/binary"

	"github.com/shmchan/shmchan/internal/order"
)

// The plain ring is for messages of any size and one sender, as one writes it in C:
// a length, the message behind it in one piece, and one store of tail that publishes
// it. A message that does not fit before the ring's end begins at its start. Go's copy
// stands for memcpy. It writes a mebibyte and more past the cache, which the channel
// avoids.

const (
	plainHeader = 8
	plainSkip   = ^uint64(0) // in the place of a length: go on at the ring's start
)

// plainEnd is one process of it; head and tail count bytes.
type plainEnd struct {
	m    *plainMemory
	spec spec
	who  int
}

func openPlain(a *actor, s step) (end, error) {
	m, err := openPlainMemory(a.dir, s.Spec.Capacity)
	return &plainEnd{m, s.Spec, s.Side}, err
}

func (e *plainEnd) close() error { return unmapFile(e.m.raw) }

func (e *plainEnd) run(s step) (reply, error) {
	if e.who == receiving {
		return e.drain(s)
	}
	return reply{}, e.fill()
}

// stride is what a message takes of the ring.
func (e *plainEnd) stride() uint64 { return uint64(plainHeader + (e.spec.Size+7)&^7) }

func (e *plainEnd) fill() error {
	data, stride, size := e.m.data, e.stride(), e.spec.Size
	full, msg, first := uint64(len(data)), newMessage(size, e.who), uint64(e.who)<<senderShift
	for head, tail := uint64(0), uint64(0); ; first++ {
		at, skip := tail&(full-1), uint64(0)
		if at+stride > full {
			skip = full - at
		}
		if tail+skip+stride-head > full {
			if err := await(func() bool {
				head = e.m.head.Load()
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
			fill(to, first)
		} else {
			binary.LittleEndian.PutUint64(msg, first)
			copy(to, msg)
		}
		tail += skip + stride
		// Publishes the message; pairs with the load of tail in drain.
		order.Store64(&e.m.tail, tail)
	}
}

func (e *plainEnd) drain(s step) (_ reply, err error) {
	meter, c, buf := newMeterOf(s, e.spec), newChecker(e.spec.Size), make([]byte, e.spec.Size)
	data, stride := e.m.data, e.stride()
	full := uint64(len(data))
	for head, tail := uint64(0), uint64(0); ; {
		if head == tail {
			if err := await(func() bool { tail = e.m.tail.Load(); return tail != head }); err != nil {
				return reply{}, err
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
			return reply{}, errTorn
		}
		msg := data[at+plainHeader:][:n]
		head += stride
		// Each store of head gives room back; pairs with the load of head in fill.
		if e.spec.InPlace {
			err = c.whole(msg)
			order.Store64(&e.m.head, head)
		} else {
			buf = append(buf[:0], msg...)
			order.Store64(&e.m.head, head)
			err = c.edges(buf)
		}
		if err != nil {
			return reply{}, err
		}
		if meter.add(1) {
			return meter.reply(), e.over()
		}
	}
}

// over ends the sender, and leaves the words as both found them.
func (e *plainEnd) over() error {
	e.m.stop.Store(1)
	if err := await(func() bool { return e.m.stop.Load() == 0 }); err != nil {
		return err
	}
	e.m.head.Store(0)
	e.m.tail.Store(0)
	return nil
}
