package shm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/process"
)

// occupied makes a process with this pid the slot's owner.
func occupied(r *Ring, slot, pid int) {
	o := Owner{Process: process.Identity{PID: pid, NS: 1, Start: 2}, Label: "test"}
	r.slots[1+slot].occupy(o, r.Tail(), 1, 1)
}

func TestOriginTellsNumberPlaceAndSender(t *testing.T) {
	onBothFrom(t, func(t *testing.T, r *Ring) {
		for i := range senders {
			occupied(r, i, 100+i)
		}
		p, c := ends(t, r)
		var want []Origin
		expect := func(i, messages int) {
			for index := range messages {
				want = append(want, Origin{Seq: uint64(len(want) + 1), Position: r.Tail(), Index: index, Slot: i, PID: 100 + i})
			}
		}
		expect(1, 1)
		put(t, p[1], "a")
		expect(2, 3)
		batch(t, p[2], "b", "c", "d")
		claim(t, p[0], 1)
		p[0].Abort()
		expect(0, 1)
		put(t, p[0], "e")

		for range 3 {
			_, err := c.Next()
			require.NoError(t, err)
			require.Equal(t, want[c.Unreleased()-1], c.Origin())
		}
		c.Rewind()
		for i := range want {
			_, err := c.Next()
			require.NoError(t, err)
			require.Equal(t, want[i], c.Origin())
			c.Release()
			require.Equal(t, want[i], c.Origin(), "released or not")
			if i == 2 {
				c = newConsumer(t, r)
			}
		}
	})
}

func TestOriginWhenTheSlotHasChangedHandsSince(t *testing.T) {
	onBothFrom(t, func(t *testing.T, r *Ring) {
		c := newConsumer(t, r)
		for pid := 10; pid < 13; pid++ {
			occupied(r, 0, pid)
			put(t, r.NewProducer(0, true), "by this owner")
			r.vacate(0)
		}
		for _, pid := range []int{0, 11, 12} { // the first one is forgotten
			take(t, c, "by this owner")
			require.Equal(t, pid, c.Origin().PID)
		}
		require.EqualValues(t, 3, r.slots[1].gen.Load())
	})
}

func TestOriginOfASlotThatIsNone(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		put(t, p[0], "a")
		r.word(8).Store(uint64(makeMeta(1, 0xffff, kindData)))
		take(t, c, "a")
		require.Equal(t, Origin{Seq: 1, Slot: 0xffff}, c.Origin())
	})
}
