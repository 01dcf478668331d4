package shm

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/busguard"
)

// scrawl fills the ring with records as a hostile peer may write them: whole
// records, batches whose messages don't end where they do, and impossible lengths.
func scrawl(r *Ring, rnd *rand.Rand, head uint64) {
	clear(r.data[:r.capacity])
	restart(r, head)
	r.ctl.tail.Store(head + r.capacity)
	if rnd.IntN(4) == 0 {
		r.ctl.cursor.Store(cursorTag(head)<<32 | uint64(rnd.IntN(6)))
	}
	pos := head
	for int64(head+r.capacity-pos) > 0 {
		n := uint64(rnd.IntN(200))
		kind := []uint8{kindData, kindBatch, kindBatch, kindBatch, kindPad, 9}[rnd.IntN(6)]
		if kind == 9 && rnd.IntN(8) > 0 {
			kind = kindData
		}
		size := r.recordSize(n)
		if head+r.capacity-pos < size {
			return
		}
		told := n
		if rnd.IntN(16) == 0 {
			told = uint64(rnd.Uint32())
		}
		r.word(pos + 8).Store(uint64(makeMeta(told, uint16(rnd.IntN(5)), kind)))
		payload := r.data[(pos+RecordHeader)&r.mask:][:n]
		for i := range payload {
			payload[i] = byte(rnd.Uint32())
		}
		for kind == kindBatch && len(payload) >= BatchHeader {
			left := uint64(len(payload)) - BatchHeader
			length := min(uint64(rnd.IntN(50)), left)
			if rnd.IntN(8) == 0 {
				length = left + uint64(rnd.IntN(18)) - 8 // about what is left
			}
			putBatchHeader(payload, length)
			payload = payload[min(batchSize(length), uint64(len(payload))):]
		}
		r.word(pos).Store(r.stampAt(pos))
		pos += size
	}
}

// message is a message that was taken.
type message struct {
	text string
	from Origin
}

// ways are the ways to take up to most of the available messages.
var ways = map[string]func(t *testing.T, c *Consumer, most int) []message{
	"Each": func(t *testing.T, c *Consumer, most int) (got []message) {
		n, err := c.Each(most, c.Position()+c.ring.capacity, busguard.None(), func(msg []byte) error {
			got = append(got, message{string(msg), c.Origin()})
			return nil
		})
		require.NoError(t, err)
		require.Len(t, got, n)
		require.LessOrEqual(t, n, most)
		return got
	},
	"Append": func(_ *testing.T, c *Consumer, most int) (got []message) {
		for len(got) < most {
			msg, ok := c.Append(nil, busguard.None())
			if !ok {
				break
			}
			got = append(got, message{string(msg), c.Origin()})
		}
		return got
	},
	"Next": func(*testing.T, *Consumer, int) []message { return nil }, // see all
}

// all takes messages by way, and by Next whenever way takes none, until an error.
func all(t *testing.T, r *Ring, way string) (got []message, head uint64, err error) {
	c, err := r.NewConsumer(true)
	if err != nil {
		return nil, 0, err
	}
	for {
		if some := ways[way](t, c, 3); len(some) > 0 {
			got = append(got, some...)
			continue
		}
		msg, err := c.Next()
		if err != nil {
			return got, r.Head(), err
		}
		got = append(got, message{string(msg), c.Origin()})
		c.Release()
	}
}

// Whatever the ring contains, Each and Append take what Next and Release take, and
// fail where Next fails.
func TestEachAndAppendTakeWhatNextTakes(t *testing.T) {
	r := mappedRing(t, 0)
	rnd := rand.New(rand.NewPCG(10, 1))
	for i := range uint64(3000) {
		head := (4*i+4)*r.capacity + uint64(rnd.IntN(int(r.capacity)))&^7
		scrawl(r, rnd, head)
		cursor := r.ctl.cursor.Load()
		before := append([]byte(nil), r.data[:r.capacity]...)
		taken := func(way string) ([]message, uint64, uint64, uint64, error) {
			restart(r, head)
			r.ctl.tail.Store(head + r.capacity)
			r.ctl.cursor.Store(cursor)
			r.ctl.received.Store(7)
			r.ctl.base.Store(baseWord(head, 7))
			r.ctl.receivedBytes.Store(0)
			got, at, err := all(t, r, way)
			p := r.progress()
			return got, at, p.messages, p.bytes, err
		}
		got, at, messages, bytes, failed := taken("Next")
		for _, way := range []string{"Each", "Append"} {
			g, a, m, b, err := taken(way)
			require.Equal(t, got, g, way)
			require.Equal(t, at, a, way)
			require.Equal(t, messages, m, way)
			require.Equal(t, bytes, b, way)
			require.Equal(t, failed, err, way)
		}
		require.Equal(t, before, r.data[:r.capacity])
	}
}

// A cursor left by an earlier receiver is cleared by the first message taken, in
// whatever way: it must not match a later batch that happens to have its tag.
func TestEachWayToTakeClearsACursorThatIsStale(t *testing.T) {
	for way := range ways {
		r := mappedRing(t, 0)
		p := r.NewProducer(0, true)
		require.NoError(t, p.Put([]byte("first")))
		second := r.Tail()
		_, err := p.PutBatch([][]byte{[]byte("a"), []byte("b")})
		require.NoError(t, err)
		r.ctl.cursor.Store(cursorTag(second)<<32 | 1)
		c, err := r.NewConsumer(true)
		require.NoError(t, err)
		if len(ways[way](t, c, 1)) == 0 {
			take(t, c, "first")
			c.Release()
		}
		require.Zero(t, r.ctl.cursor.Load(), way)
		take(t, c, "a", "b")
	}
}

// A sender that waits for room sleeps until the receiver has released some, in
// whatever way it takes messages.
func TestEachWayToTakeWakesASenderThatWaits(t *testing.T) {
	for way := range ways {
		for _, registered := range []bool{true, false} {
			r := mappedRing(t, 0)
			p, w := r.NewProducer(0, true), r.Waiter(1)
			msg := make([]byte, r.capacity/4-RecordHeader)
			for range 4 {
				require.NoError(t, p.Put(msg))
			}
			w.Join(len(msg), r.Tail())
			w.Announce()
			c, err := r.NewConsumer(registered)
			require.NoError(t, err)
			require.True(t, r.Announced(), way)
			if len(ways[way](t, c, 1)) == 0 {
				take(t, c, string(msg))
				c.Release()
			}
			require.False(t, r.Announced(), way)
			w.Leave()
		}
	}
}
