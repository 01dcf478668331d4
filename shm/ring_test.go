package shm

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMessagesWrapAtEveryOffset(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		sizes := []int{0, 1, 8, 61, r.MaxMessage() - 3, 500, r.MaxMessage()}
		for off := uint64(0); off < r.capacity; off += r.align {
			restart(r, lap(r)+off)
			p, c := ends(t, r)
			for i, n := range sizes {
				msg := text(n, i)
				err := p[i%senders].Put([]byte(msg))
				if !r.mirrored && err == ErrFull { // the rest of the lap was padded first
					requireIdle(t, c)
					err = p[i%senders].Put([]byte(msg))
				}
				require.NoError(t, err)
				take(t, c, msg)
				c.Release()
			}
			requireIdle(t, c)
			require.Equal(t, r.Tail(), r.Head())
		}
	})
}

func TestSeveralMessagesInARowWrapAtEveryOffset(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		for off := uint64(0); off < r.capacity; off += r.align {
			restart(r, lap(r)+off)
			p, c := ends(t, r)
			var want []string
			for i := range 5 {
				want = append(want, text(150*i, i))
			}
			put(t, p[0], want...)
			take(t, c, want...)
			c.Release()
			requireIdle(t, c)
		}
	})
}

func TestPositionsThatRunOver(t *testing.T) {
	onBothFrom(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		for i := range 3 * int(r.capacity) / 64 {
			single, first, second := text(i%70, i), text(i%30, i+1), text(i%40, i+2)
			put(t, p[0], single)
			claim(t, p[1], i%50)
			p[1].Abort()
			batch(t, p[2], first, second)
			take(t, c, single, first, second)
			c.Release()
		}
		requireIdle(t, c)
	})
}

func TestFullRingTakesNothingMoreUntilRelease(t *testing.T) {
	onBothFrom(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		msg := text(48, 0) // a record of 64 bytes, which divides the capacity
		full := int(r.capacity / 64)
		for i := range full {
			require.True(t, p[0].waiter.HasRoom(48), i)
			put(t, p[0], msg)
		}
		require.Equal(t, r.capacity, r.Tail()-r.Head(), "full to the last byte")
		requireFull(t, p[0], 48)
		requireFull(t, p[1], 0)
		require.False(t, p[0].waiter.HasRoom(0))

		take(t, c, msg)
		requireFull(t, p[0], 48) // taken is not released
		c.Release()
		put(t, p[1], msg)
		requireFull(t, p[0], 0)
		for range full {
			take(t, c, msg)
		}
		requireIdle(t, c)
	})
}

// requireFull checks that a claim for n bytes finds no room and leaves no trace.
func requireFull(t *testing.T, p *Producer, n int) {
	t.Helper()
	tail := p.ring.Tail()
	_, err := p.Claim(n)
	require.ErrorIs(t, err, ErrFull)
	require.Equal(t, tail, p.ring.Tail())
	require.False(t, p.Open())
}

func TestRoomThatIsTooSmallByOneRecordIsFull(t *testing.T) {
	r := mappedRing(t, 0)
	p, c := ends(t, r)
	used := int(r.capacity/2) - RecordHeader
	put(t, p[0], text(used, 1)) // half the ring
	requireFull(t, p[1], used+1)
	put(t, p[1], text(used, 2)) // the other half
	take(t, c, text(used, 1), text(used, 2))
}

func TestLargestMessageAndOneLarger(t *testing.T) {
	onBothFrom(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		require.EqualValues(t, r.capacity/2, r.MaxMessage())
		for i := range 5 {
			largest := text(r.MaxMessage(), i)
			put(t, p[0], largest)
			_, err := p[0].Claim(r.MaxMessage() + 1)
			require.ErrorIs(t, err, ErrTooLarge)
			take(t, c, largest)
			c.Release()
		}
		for _, n := range []int{r.MaxMessage() + 1, int(r.capacity), math.MaxInt, -1} {
			tail := r.Tail()
			_, err := p[0].Claim(n)
			require.ErrorIs(t, err, ErrTooLarge, n)
			require.Equal(t, tail, r.Tail())
		}
	})
}

func TestEmptyMessageIsAMessage(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		put(t, p[0], "", "a", "")
		take(t, c, "", "a", "")
		requireIdle(t, c)
	})
}

func TestClaimHasExactlyTheBytesAskedFor(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		put(t, p[0], "before")
		b := claim(t, p[1], 13)
		put(t, p[2], "after")
		require.Len(t, b, 13)
		require.Equal(t, 13, cap(b), "an append must not run into the next record")
		copy(b, bytes.Repeat([]byte{0xff}, 13))
		require.True(t, p[1].Open())
		p[1].Commit()
		require.False(t, p[1].Open())
		take(t, c, "before")
		msg, err := c.Next()
		require.NoError(t, err)
		require.Equal(t, bytes.Repeat([]byte{0xff}, 13), msg)
		require.Equal(t, 13, cap(msg))
		take(t, c, "after")
	})
}

func TestMessagesComeInTheOrderOfTheirClaims(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		for i := range senders {
			copy(claim(t, p[i], 1), string(rune('a'+i)))
		}
		p[2].Commit()
		p[1].Commit()
		requireEmpty(t, c)
		require.False(t, c.Ready())
		requireInFlight(t, c, true)
		p[0].Commit()
		require.True(t, c.Ready())
		take(t, c, "a", "b", "c")
		requireIdle(t, c)
	})
}

func TestAbortedClaimLeavesNothing(t *testing.T) {
	onBothFrom(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		put(t, p[0], "a")
		copy(claim(t, p[0], 100), text(100, 0))
		p[0].Abort()
		require.False(t, p[0].Open())
		put(t, p[0], "b")
		take(t, c, "a", "b")
		requireIdle(t, c)
		require.EqualValues(t, 2, p[0].slot.messages.Load())
		require.EqualValues(t, 2, p[0].slot.bytes.Load())
	})
}

func TestRoomOfAbortedClaimsComesBackWithoutAMessage(t *testing.T) {
	onBothFrom(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		for range 5 {
			aborted := 0
			for ; p[0].waiter.HasRoom(300); aborted++ {
				if _, err := p[0].Claim(300); err != nil {
					break // on the heap, where the rest of a lap may be too short
				}
				p[0].Abort()
			}
			require.GreaterOrEqual(t, aborted, 8)
			requireIdle(t, c)
			require.Equal(t, r.Tail(), r.Head(), "nobody else would give it back")
		}
	})
}

func TestAbortedClaimsGiveBackNothingThatIsNotReleased(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		put(t, p[0], "a")
		claim(t, p[1], 10)
		p[1].Abort()
		take(t, c, "a")
		requireIdle(t, c)
		require.Zero(t, r.Head())
		require.Equal(t, 1, c.Unreleased())
		c.Release()
		require.Zero(t, c.Unreleased())
		require.Equal(t, r.Tail(), r.Head())
	})
}

func TestHeadThatMovedOnPastAStaleTailIsNoError(t *testing.T) {
	onBothFrom(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		stale := r.Tail() // p[0] has read tail and is about to read head
		put(t, p[1], text(500, 1))
		take(t, c, text(500, 1))
		c.Release()
		ok, err := p[0].refresh(stale, 64)
		require.NoError(t, err)
		require.True(t, ok, "the compare-and-swap of the stale tail fails, and the claim starts over")
		put(t, p[0], "a")
		take(t, c, "a")
	})
}
