package shm

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// hostile is a ring in a file in which a peer may have written anything.
func hostile(f *testing.F) *Ring { return mappedRing(f, 0) }

// FuzzNext writes arbitrary words to the control page and the slots, and arbitrary
// bytes at head. For each bit set in stamps, a record begins at that word after
// head. The receiver must always finish, and never read outside the ring.
func FuzzNext(f *testing.F) {
	record := func(m meta, payload string) []byte {
		return append(binary.LittleEndian.AppendUint64(make([]byte, 8), uint64(m)), payload...)
	}
	const h, tail = 1 << 20, 1<<20 + 64
	f.Add(record(makeMeta(5, 0, kindData), "hello"), uint64(1), uint64(h), uint64(tail), uint64(0), uint64(0), uint64(0))
	f.Add(record(makeMeta(24, 1, kindBatch), "\x01\x00\x00\x00\x00\x00\x00\x00a\x00\x00\x00\x00\x00\x00\x00\x09"), uint64(1), uint64(h), uint64(tail), cursorTag(h)<<32|1, uint64(0), uint64(0))
	f.Add(record(makeMeta(1<<32-1, 1, kindPad), ""), uint64(1), uint64(h), uint64(tail), uint64(0), uint64(0), uint64(0))
	f.Add(record(makeMeta(4000, 0xffff, kindBatch), ""), uint64(1), uint64(h+4088), uint64(h+8184), uint64(0), uint64(0), uint64(0))
	f.Add(record(makeMeta(0, 0, kindBatch), ""), uint64(0b101), uint64(h), uint64(tail), uint64(0), uint64(0), uint64(0))
	f.Add([]byte{}, uint64(0), uint64(h), uint64(tail), uint64(0), uint64(h|1), uint64(h+24|1))
	f.Add([]byte{}, uint64(1<<20), uint64(h), uint64(h+4096), uint64(0), uint64(h|1), uint64(h+3))
	f.Add([]byte{}, uint64(0), uint64(1<<64-8), uint64(4088), ^uint64(0), uint64(1<<64-7), uint64(1<<63))
	f.Add([]byte{}, uint64(0), uint64(4), uint64(1), uint64(1), uint64(1), uint64(1))
	r := hostile(f)
	f.Fuzz(func(t *testing.T, data []byte, stamps, head, tail, place, intent0, intent1 uint64) {
		clear(r.data[:r.capacity])
		restart(r, head)
		copy(r.data[head&r.mask&^7:], data[:min(len(data), int(r.capacity))])
		for i := range uint64(64) {
			if stamps>>i&1 != 0 {
				at := head&^7 + 8*i
				r.word(at).Store(r.stampAt(at))
			}
		}
		r.ctl.tail.Store(tail)
		r.ctl.cursor.Store(place)
		r.slots[1].intent.Store(intent0)
		r.slots[2].intent.Store(intent1)
		c, err := r.NewConsumer(true)
		if c == nil {
			require.Error(t, err)
			return
		}
		drainHostile(t, r, c)
		c.Rewind()
		drainHostile(t, r, c)
	})
}

// drainHostile receives and skips until nothing is left. That takes a bounded number
// of steps: no message and no skip is smaller than eight bytes, and there is at most
// one lap.
func drainHostile(t *testing.T, r *Ring, c *Consumer) {
	steps := int(r.capacity)/8 + 64
	for ; steps > 0; steps-- {
		msg, err := c.Next()
		if err == nil {
			require.LessOrEqual(t, len(msg), r.Capacity())
			for i := range msg {
				_ = msg[i] // readable
			}
			c.Origin()
			if steps%3 == 0 {
				c.Release()
			}
			continue
		}
		_, again := c.Next()
		require.Equal(t, err, again)
		if err != ErrEmpty {
			break
		}
		if inFlight, err := c.InFlight(); err != nil || !inFlight {
			break
		}
		if skipped, err := c.Recover(func(slot int) bool { return slot != 1 }); !skipped || err != nil {
			break
		}
	}
	require.Positive(t, steps, "it does not come to an end")
	for i := range senders {
		r.settled(&r.slots[1+i])
		Endpoint{r, &r.slots[1+i], false}.Claiming()
	}
}

// FuzzClaim writes arbitrary words to the control page. A sender must always finish,
// write nothing outside the ring, and give up cleanly.
func FuzzClaim(f *testing.F) {
	f.Add(uint64(0), uint64(0), uint64(0), 5)
	f.Add(uint64(4096), uint64(0), uint64(0), 0)
	f.Add(uint64(4095), uint64(1), uint64(0), 100)
	f.Add(uint64(3), uint64(0), uint64(0), 10)
	f.Add(uint64(8), uint64(16), uint64(8), 10)
	f.Add(uint64(1<<64-16), uint64(1<<64-32), uint64(0), 2048)
	f.Add(uint64(1<<63), uint64(0), uint64(1<<62), 2049)
	f.Add(uint64(1<<40+4088), uint64(1<<40), uint64(1<<40), -1)
	mapped, heap := hostile(f), NewHeapRing(MinCapacity, senders, 0)
	f.Fuzz(func(t *testing.T, tail, head, seen uint64, n int) {
		for _, r := range []*Ring{mapped, heap} {
			if r == heap { // no other process writes there
				tail, head, seen = tail&^15, head&^15, seen&^15
			}
			restart(r, head)
			p := r.NewProducer(0, true)
			p.head = seen // of earlier, when a peer had written something else
			r.ctl.tail.Store(tail)
			require.NotPanics(t, func() { sendHostile(t, r, p, n) })
		}
	})
}

func sendHostile(t *testing.T, r *Ring, p *Producer, n int) {
	b, err := p.Claim(n)
	if err != nil {
		require.Nil(t, b)
		require.False(t, p.Open())
		if at, ok := p.slot.claiming(); ok { // of the padding of the lap, on the heap
			require.Equal(t, r.stampAt(at), r.word(at).Load())
		}
	} else {
		require.Len(t, b, n)
		require.Zero(t, p.pos%r.align)
		for i := range b {
			b[i] = 0xff
		}
		p.Commit()
	}
	if sent, err := p.PutBatch([][]byte{b[:min(len(b), 100)], {1, 2, 3}, nil}); err == nil {
		require.Positive(t, sent)
	}
	p.waiter.HasRoom(max(n, 0))
	p.Notify()
}

// FuzzHeader opens arbitrary headers. A header that is accepted describes a file
// without overlaps, of the file's own size.
func FuzzHeader(f *testing.F) {
	good := goldenHeader()
	f.Add(append([]byte(nil), bytesOf(&good)...), good.fileSize, false)
	f.Add(append([]byte(nil), bytesOf(&good)...), good.fileSize+1, true)
	f.Add([]byte("SHMCHAN1"), uint64(0), true)
	f.Fuzz(func(t *testing.T, data []byte, size uint64, seal bool) {
		var h header
		copy(bytesOf(&h), data)
		if seal { // get past the first fields
			h.magic, h.version, h.byteOrder = magic, version, orderMark
			h.checksum = h.sum()
		}
		err := h.check("file", size, 4096)
		if err != nil {
			require.ErrorContains(t, err, "file: ")
			require.ErrorContains(t, err, "header.")
			require.ErrorContains(t, err, "offset")
			return
		}
		require.Equal(t, size, h.fileSize)
		require.Equal(t, size, h.ringOffset+h.capacity)
		require.GreaterOrEqual(t, h.ringOffset, uint64(slotsOffset+slotSize*(1+h.maxSenders)))
		require.Zero(t, h.ringOffset%4096)
		require.Zero(t, h.capacity%4096)
	})
}
