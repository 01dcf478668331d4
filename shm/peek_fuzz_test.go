package shm

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzPeek writes arbitrary words to the control page and the slots, and arbitrary
// bytes at head, with stamps where a bit of stamps is set. A walk must always
// finish, return no message larger than the maximum, and change nothing.
func FuzzPeek(f *testing.F) {
	record := func(m meta, payload string) []byte {
		return append(binary.LittleEndian.AppendUint64(make([]byte, 8), uint64(m)), payload...)
	}
	const h, tail = 1 << 20, 1<<20 + 64
	f.Add(record(makeMeta(5, 0, kindData), "hello"), uint64(1), uint64(h), uint64(tail), uint64(0), uint64(0), uint64(0))
	f.Add(record(makeMeta(24, 1, kindBatch), "\x01\x00\x00\x00\x00\x00\x00\x00a\x00\x00\x00\x00\x00\x00\x00\x09"), uint64(1), uint64(h), uint64(tail), cursorTag(h)<<32|1, uint64(0), uint64(0))
	f.Add(record(makeMeta(1<<32-1, 1, kindPad), ""), uint64(1), uint64(h), uint64(tail), uint64(0), uint64(0), uint64(0))
	f.Add(record(makeMeta(0, 0, kindBatch), ""), uint64(0b101), uint64(h), uint64(tail), uint64(0), uint64(0), uint64(0))
	f.Add([]byte{}, uint64(1<<20), uint64(h), uint64(h+4096), uint64(0), uint64(h|1), uint64(h+3))
	f.Add([]byte{}, uint64(0), uint64(1<<64-8), uint64(4088), ^uint64(0), uint64(1<<64-7), uint64(1<<63))
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
		before := string(r.data[:r.capacity])
		p, err := r.NewPeeker(func(slot int) bool { return slot != 1 })
		for steps := r.capacity/8 + 2; err == nil; steps-- {
			require.Positive(t, steps, "it does not come to an end")
			var msg []byte
			msg, _, err = p.Next()
			require.LessOrEqual(t, len(msg), r.MaxMessage())
		}
		if p != nil {
			_, _, again := p.Next()
			require.Equal(t, err, again)
		}
		require.True(t, before == string(r.data[:r.capacity]), "bytes changed")
		require.Equal(t, head, r.Head())
		require.Equal(t, tail, r.Tail())
	})
}
