package shm

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

// long exceeds every deadline: a lost wake-up makes the test fail by its deadline.
const long = 10 * time.Minute

// quiet checks that fn did not notify b.
func quiet(t *testing.T, b Doorbell, fn func()) {
	t.Helper()
	seq := b.Seq()
	fn()
	require.Equal(t, seq, b.Seq(), "notified without a sleeper")
}

// notifies checks that fn notified b once.
func notifies(t *testing.T, b Doorbell, fn func()) {
	t.Helper()
	seq := b.Seq()
	fn()
	require.Equal(t, seq+1, b.Seq())
}

func TestSenderRingsOnceForEachAnnouncementAndLeavesItStanding(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		p, _ := ends(t, r)
		b := r.Doorbell()
		quiet(t, b, p[0].Notify)
		for range 3 {
			b.Announce()
			notifies(t, b, p[0].Notify)
			quiet(t, b, p[0].Notify)
			// Another sender notifies too: the first may have died before its wake.
			notifies(t, b, p[1].Notify)
			require.True(t, b.Announced())
		}
		b.Retract()
		quiet(t, b, p[2].Notify)
		require.False(t, b.Announced())
	})
}

func TestAnnouncementsAreCountedRoundAndRound(t *testing.T) {
	r := NewHeapRing(1, 1, 0)
	b := r.Doorbell()
	b.words.flags.Store(epochMask | bellClosed)
	b.Announce()
	require.EqualValues(t, bellClosed|bellSleeping, b.words.flags.Load(), "the count runs over, the flags stay")
	b.Announce()
	require.EqualValues(t, bellEpoch|bellClosed|bellSleeping, b.words.flags.Load())
}

// An endpoint without an asymmetric fence asks the other side to fence; one that has
// not registered always fences. Both still notify.
func TestEndsThatMustFenceRing(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		r.Doorbell().MustFence()
		r.Waiter(0).MustFence()
		for _, registered := range []bool{true, false} {
			p := r.NewProducer(0, registered)
			c, err := r.NewConsumer(registered)
			require.NoError(t, err)
			require.Equal(t, !registered, p.fence)
			require.Equal(t, !registered, c.fence)
			put(t, p, "a")
			quiet(t, r.Doorbell(), p.Notify)
			r.Doorbell().Announce()
			notifies(t, r.Doorbell(), p.Notify)
			r.Doorbell().Retract()
			take(t, c, "a")
			p.Join(4, 0)
			p.waiter.Announce()
			require.True(t, r.Announced())
			put(t, p, "b")
			take(t, c, "b")
			c.Release()
			require.False(t, r.Announced(), "nobody waits any more")
			require.EqualValues(t, 2, p.slot.messages.Load(), "a fence changes no count")
			r.vacate(0)
		}
		require.NotZero(t, r.ctl.doorbell.flags.Load()&bellFence, "nobody takes it back")
		require.EqualValues(t, 4, r.ctl.received.Load())
	})
}

func TestCloseIsSeenByAllAndWakesAllOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		require.False(t, r.Closed())
		recv, w := r.Doorbell().Seq(), r.Waiter(1)
		w.Join(4, 0)
		send := w.Doorbell().Load()
		for range 2 {
			r.Close()
			require.True(t, r.Closed())
			require.Equal(t, recv+1, r.Doorbell().Seq())
			require.Equal(t, send+2, w.Doorbell().Load())
		}
		r.Doorbell().Announce()
		r.Doorbell().Retract()
		require.True(t, r.Closed())
		require.EqualValues(t, bellClosed, r.ctl.doorbell.flags.Load()&^epochMask)
	})
}

func TestSleepEndsAtOnceIfTheBellWasRungSince(t *testing.T) {
	r := NewHeapRing(1, 1, 0)
	b := r.Doorbell()
	seq := b.Seq()
	b.Announce()
	r.NewProducer(0, true).Notify()
	require.NoError(t, b.Sleep(seq, long))
}

func TestSleepEndsByItself(t *testing.T) {
	b := NewHeapRing(1, 1, 0).Doorbell()
	proctest.Eventually(t, "a sleep lasts as long as it was told to", func() bool { // a signal may end any one early
		start := time.Now()
		require.NoError(t, b.Sleep(b.Seq(), 20*time.Millisecond))
		return time.Since(start) >= 19*time.Millisecond
	})
}

func TestSleepersAreWoken(t *testing.T) {
	for what, test := range map[string]struct {
		bell func(r *Ring) Doorbell
		n    int
		wake func(p *Producer, c *Consumer)
	}{
		"the receiver by a sender":  {(*Ring).Doorbell, 1, func(p *Producer, _ *Consumer) { p.Notify() }},
		"the receiver by a poke":    {(*Ring).Doorbell, 1, func(p *Producer, _ *Consumer) { p.ring.Doorbell().WakeAll() }},
		"the receiver by a removal": {(*Ring).Doorbell, 1, func(p *Producer, _ *Consumer) { p.ring.Close() }},
	} {
		t.Run(what, func(t *testing.T) {
			onBoth(t, func(t *testing.T, r *Ring) {
				p, c := ends(t, r)
				b := test.bell(r)
				var wg sync.WaitGroup
				seq := b.Seq()
				b.Announce()
				for range test.n {
					wg.Go(func() {
						for b.Seq() == seq { // a signal ends a sleep early
							_ = b.Sleep(seq, long)
						}
					})
				}
				proctest.Parked(t, "Doorbell.Sleep", test.n)
				test.wake(p[0], c)
				requireSoon(t, r, &wg)
			})
		})
	}
}

// requireSoon waits for the goroutines, which sleep on the ring's doorbells.
func requireSoon(t *testing.T, r *Ring, wg *sync.WaitGroup) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(proctest.Patience):
		r.Doorbell().WakeAll()
		r.WakeSenders()
		<-done
		require.Fail(t, "somebody slept on")
	}
}
