package bench

import (
	"sync/atomic"
	"unsafe"

	"github.com/shmchan/shmchan/internal/order"
)

// The bare protocol is what the guard compares with: the shared steps of a message of
// 64 bytes, as few lines as will do, with no checks, waiting, errors or recovery. It
// has the locked instructions and the cache lines of the channel, and so the channel
// takes the same multiple of it on any processor, near or far; of a ring without
// them it takes three times as long on one machine, and once on another.
type bare struct {
	m     *memory
	tail  *atomic.Uint64
	words []uint64 // of the ring, or of the half of it
	pos   int      // the next record's first word
	n     uint64   // its number
	lock  atomic.Uint64
	slot  [3]atomic.Uint64
}

const (
	bareWords = 2 + recordBytes/8 // of a record: stamp, length, payload
	bareStamp = 0xd1b54a32d192ed03
)

func newBare(m *memory, tail *atomic.Uint64, part, parts int) *bare {
	all := unsafe.Slice((*uint64)(unsafe.Pointer(m.ring)), ringBytes/8)
	n := len(all) / parts
	return &bare{m: m, tail: tail, words: all[part*n:][:n]}
}

func (b *bare) word(i int) *atomic.Uint64 { return (*atomic.Uint64)(unsafe.Pointer(&b.words[i])) }

func (b *bare) step() {
	b.n++
	if b.pos += bareWords; b.pos+bareWords > len(b.words) {
		b.pos = 0
	}
}

//go:noinline
func (b *bare) put(msg []byte) {
	b.lock.CompareAndSwap(0, 1)
	order.Store64(&b.slot[0], b.n|1)
	b.tail.CompareAndSwap(b.n, b.n+1)
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&b.words[b.pos+2])), recordBytes), msg)
	order.Store64(b.word(b.pos+1), uint64(len(msg)))
	order.Store64(b.word(b.pos), bareStamp+b.n)
	order.Store64(&b.slot[1], b.n)
	b.step()
	order.Store64(&b.lock, 0)
}

func (b *bare) ready() bool { return b.word(b.pos).Load() == bareStamp+b.n }

// take returns the record that is there, in place.
//
//go:noinline
func (b *bare) take() []byte {
	msg := unsafe.Slice((*byte)(unsafe.Pointer(&b.words[b.pos+2])), b.word(b.pos+1).Load())
	b.step()
	return msg
}

// clear leaves the memory as the references want it.
func (b *bare) clear() {
	clear(b.words)
	b.tail.Store(0)
	b.m.head.Store(0)
}

// openBareBurst is one process of the bursts through the bare protocol.
func openBareBurst(a *actor, s step) (end, error) {
	b := newBare(a.mem, &a.mem.tail, 0, 1)
	e := &burstEnd{m: a.mem, over: func() error { return nil }}
	if s.Side != receiving {
		msg := newMessage(recordBytes, sending)
		e.send = func(n uint64) error {
			number(msg, sending, n)
			b.put(msg)
			return nil
		}
		return e, nil
	}
	c := newChecker(recordBytes)
	e.take = func() (n int, err error) {
		for b.ready() && err == nil {
			err = c.small(b.take())
			order.Store64(&b.m.head, b.n)
			n++
		}
		return n, err
	}
	e.over = func() error {
		b.clear()
		return nil
	}
	return e, nil
}

// bareTrip is one process of round trips through two bare rings.
type bareTrip struct {
	in, out *bare
	asks    bool
}

func openBareTrip(a *actor, s step) (end, error) {
	there, back := newBare(a.mem, &a.mem.tail, 0, 2), newBare(a.mem, &a.mem.head, 1, 2)
	if s.Side == receiving {
		return &bareTrip{in: back, out: there, asks: true}, nil
	}
	return &bareTrip{in: there, out: back}, nil
}

func (e *bareTrip) hear(buf []byte) ([]byte, error) {
	for range 1 << 10 {
		if e.in.ready() {
			return append(buf, e.in.take()...), nil
		}
	}
	err := await(e.in.ready)
	return append(buf, e.in.take()...), err
}

func (e *bareTrip) run(s step) (reply, error) {
	msg, buf, n := newMessage(recordBytes, s.Side), make([]byte, 0, recordBytes), uint64(0)
	if !e.asks {
		for {
			var err error
			if buf, err = e.hear(buf[:0]); err != nil || len(buf) == 0 {
				return reply{}, err
			}
			e.out.put(buf)
		}
	}
	c := newChecker(recordBytes)
	r, err := trips(s, func() (err error) {
		number(msg, 0, n)
		n++
		e.out.put(msg)
		if buf, err = e.hear(buf[:0]); err != nil {
			return err
		}
		return c.edges(buf)
	})
	e.out.put(nil)
	return r, err
}

func (e *bareTrip) close() error {
	if e.asks {
		e.in.clear()
		e.out.clear()
	}
	return nil
}
