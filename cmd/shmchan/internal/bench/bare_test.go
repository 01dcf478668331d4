package bench

import (
	"sync/atomic"
	"unsafe"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/reference"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
	"github.com/shmchan/shmchan/internal/cpu"
	"github.com/shmchan/shmchan/internal/order"
)

// The guard compares the channel with the bare protocol: the shared steps of a message
// or of a batch in minimal code, without checks, waiting, errors or recovery. It uses
// the same locked instructions and cache lines as the channel, so the ratio of the two
// is the same on any processor, near or far. Compared with a ring without them, the
// channel takes three times as long on one machine, and just as long on another.
type bare struct {
	m     *reference.Memory
	tail  *atomic.Uint64
	words []uint64 // of the ring, or of its half
	size  int      // words a record: stamp, length, payload
	pos   int      // the next record's first word
	n     uint64   // its number
	asked int      // words before it were prefetched
	lock  atomic.Uint64
	slot  [3]atomic.Uint64
}

const (
	bareStamp   = 0xd1b54a32d192ed03
	bareMessage = 1 + measure.RecordBytes/8 // words of a message in a batch: length, payload
)

func newBare(m *reference.Memory, tail *atomic.Uint64, s worker.Spec, part, parts int) *bare {
	all := unsafe.Slice((*uint64)(unsafe.Pointer(m.Ring)), reference.RingBytes/8)
	n, size := len(all)/parts, 2+s.Size/8
	if s.Batch > 1 {
		size = 2 + s.Batch*bareMessage
	}
	return &bare{m: m, tail: tail, words: all[part*n:][:n], size: size}
}

// bytes returns n bytes of the ring from a word on.
func (b *bare) bytes(word int, n uint64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&b.words[word])), n)
}

func (b *bare) word(i int) *atomic.Uint64 { return (*atomic.Uint64)(unsafe.Pointer(&b.words[i])) }

func (b *bare) step() {
	b.n++
	if b.pos += b.size; b.pos+b.size > len(b.words) {
		b.pos, b.asked = 0, 0
	}
}

func (b *bare) claim() {
	b.lock.CompareAndSwap(0, 1)
	order.Store64(&b.slot[0], b.n|1)
	b.tail.CompareAndSwap(b.n, b.n+1)
	b.fetch()
}

// fetch prefetches the lines to be written next, as the channel does. Otherwise the
// locked instructions of the next claim would wait for them.
func (b *bare) fetch() {
	const least, most, step = 512 / 8, 8 << 10 / 8, 128 / 8
	next := b.pos + b.size
	to := min(next+min(max(b.size, least), most), len(b.words))
	if from := max(b.asked, next); to-from >= step || to == len(b.words) && to > from {
		cpu.FetchForWriting(b.word(from), uintptr(8*(to-from)))
		b.asked = to
	}
}

func (b *bare) publish(length int) {
	order.Store64(b.word(b.pos+1), uint64(length))
	order.Store64(b.word(b.pos), bareStamp+b.n)
	order.Store64(&b.slot[1], b.n)
	b.step()
	order.Store64(&b.lock, 0)
}

//go:noinline
func (b *bare) put(msg []byte) {
	b.claim()
	copy(b.bytes(b.pos+2, uint64(len(msg))), msg)
	b.publish(len(msg))
}

// putBatch sends many messages of 64 bytes under one stamp.
//
//go:noinline
func (b *bare) putBatch(msgs [][]byte) {
	b.claim()
	at := b.pos + 2
	for _, msg := range msgs {
		b.words[at] = uint64(len(msg))
		copy(b.bytes(at+1, measure.RecordBytes), msg)
		at += bareMessage
	}
	b.publish(len(msgs))
}

func (b *bare) ready() bool { return b.word(b.pos).Load() == bareStamp+b.n }

// take returns the next record in place, if there is one.
//
//go:noinline
func (b *bare) take() []byte {
	msg := b.bytes(b.pos+2, b.word(b.pos+1).Load())
	b.step()
	return msg
}

// takeBatch checks the messages of a batch in place, and returns their number.
func (b *bare) takeBatch(check func([]byte) error) (n int, err error) {
	at := b.pos + 2
	for left := b.word(b.pos + 1).Load(); left > 0; left-- {
		if err := check(b.bytes(at+1, b.words[at])); err != nil {
			return n, err
		}
		at += bareMessage
		n++
	}
	b.step()
	return n, nil
}

// clear restores the memory to what the references expect.
func (b *bare) clear() {
	clear(b.words)
	b.tail.Store(0)
	b.m.Head.Store(0)
}

// openBareBurst returns one process's part of the bursts through the bare protocol.
func openBareBurst(a *self, s worker.Step) (worker.Part, error) {
	b := newBare(a.mem, &a.mem.Tail, s.Spec, 0, 1)
	e := &burstPart{m: a.mem, spec: s.Spec, over: func() error { return nil }}
	if s.Side != worker.Receiving {
		msgs := newMessages(s.Spec)
		e.send = func(n uint64) error {
			for i, msg := range msgs {
				measure.Number(msg, worker.Sending, n+uint64(i))
			}
			if len(msgs) == 1 {
				b.put(msgs[0])
			} else {
				b.putBatch(msgs)
			}
			return nil
		}
		return e, nil
	}
	take := b.taker(s.Spec)
	e.take = func() (n int, err error) {
		for b.ready() && err == nil {
			took := 0
			took, err = take()
			order.Store64(&b.m.Head, b.n)
			n += took
		}
		return n, err
	}
	e.over = func() error {
		b.clear()
		return nil
	}
	return e, nil
}

// taker returns a function that takes the next record as the channel's receiver does.
func (b *bare) taker(s worker.Spec) func() (int, error) {
	c := measure.NewChecker(s.Size)
	switch check := c.How(s); {
	case s.Batch > 1:
		return func() (int, error) { return b.takeBatch(check) }
	case s.Take == takeAppend:
		buf := make([]byte, 0, s.Size)
		return func() (int, error) {
			buf = append(buf[:0], b.take()...)
			return 1, check(buf)
		}
	}
	return func() (int, error) { return 1, c.Small(b.take()) }
}

// bareTrip is one process of round trips through two bare rings.
type bareTrip struct {
	in, out *bare
	asks    bool
}

func openBareTrip(a *self, s worker.Step) (worker.Part, error) {
	there, back := newBare(a.mem, &a.mem.Tail, s.Spec, 0, 2), newBare(a.mem, &a.mem.Head, s.Spec, 1, 2)
	if s.Side == worker.Receiving {
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
	err := worker.Await(e.in.ready)
	return append(buf, e.in.take()...), err
}

func (e *bareTrip) Run(s worker.Step) (worker.Reply, error) {
	msg, buf, n := measure.NewMessage(measure.RecordBytes, s.Side), make([]byte, 0, measure.RecordBytes), uint64(0)
	if !e.asks {
		for {
			var err error
			if buf, err = e.hear(buf[:0]); err != nil || len(buf) == 0 {
				return worker.Reply{}, err
			}
			e.out.put(buf)
		}
	}
	c := measure.NewChecker(measure.RecordBytes)
	r, err := measure.Trips(s, func() (err error) {
		measure.Number(msg, 0, n)
		n++
		e.out.put(msg)
		if buf, err = e.hear(buf[:0]); err != nil {
			return err
		}
		return c.Edges(buf)
	})
	e.out.put(nil)
	return r, err
}

func (e *bareTrip) Close() error {
	if e.asks {
		e.in.clear()
		e.out.clear()
	}
	return nil
}
