package shm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReleaseWakesWhoseMessagesWereReceived(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		l := &lined{Ring: r, bell: make([]uint32, senders)}
		l.p, l.c = ends(t, r)
		for i, p := range l.p {
			put(t, p, "m")
			p.waiter.Await(p.End())
			l.bell[i] = p.waiter.Announce()
		}
		require.Equal(t, l.p[0].End()|1, l.ctl.line.position.Load(), "the lowest")
		for i := range l.p {
			l.release(t, 1)
			require.Len(t, l.woken(), i+1)
			require.Contains(t, l.woken(), i)
		}
		require.Zero(t, l.ctl.line.position.Load())
		for _, p := range l.p {
			p.waiter.AwaitNothing()
		}
		l.c.Release()
		require.Zero(t, l.ctl.line.flags.Load()&lineWaiting, "nobody waits")
	})
}

func TestReleaseBelowThePositionWakesNobody(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		l := &lined{Ring: r, bell: make([]uint32, senders)}
		l.p, l.c = ends(t, r)
		put(t, l.p[0], "a", "b")
		l.p[0].waiter.Await(l.p[0].End())
		l.bell[0] = l.p[0].waiter.Announce()
		l.release(t, 1)
		require.Empty(t, l.woken())
		l.release(t, 1)
		require.Equal(t, []int{0}, l.woken())
	})
}

// A sender that is in line and also waits for a position has one bit for both.
func TestABitStaysAsLongAsTheSenderWaitsForAnything(t *testing.T) {
	r := NewHeapRing(MinCapacity, senders, 0)
	p, _ := ends(t, r)
	w := p[1].waiter
	p[1].Join(8, r.Tail())
	w.Await(64)
	p[1].Leave()
	require.EqualValues(t, 1<<1, r.ctl.waiting[0].Load())
	p[1].Join(8, r.Tail())
	w.AwaitNothing()
	require.EqualValues(t, 1<<1, r.ctl.waiting[0].Load())
	p[1].Leave()
	require.Zero(t, r.ctl.waiting[0].Load())
}

func TestTheLastSlotWaitsToo(t *testing.T) {
	r := NewHeapRing(MinCapacity, MaxSenders, 0)
	p := r.NewProducer(MaxSenders-1, true)
	p.Join(8, r.Tail())
	require.Equal(t, MaxSenders-1, turn(r.ctl.turn.Load()).slot())
	p.Leave()
	require.Zero(t, r.ctl.turn.Load())
}
