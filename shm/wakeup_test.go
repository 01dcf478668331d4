package shm

import (
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/internal/futex"
	"github.com/shmchan/shmchan/internal/test/proctest"
)

// handOver passes n messages from a sender that does not sleep to a receiver that
// sleeps, without a bound, whenever it finds none: a lost wake-up stops everything.
// The sender continues as soon as a message was received, which is when the receiver
// is about to sleep again, and waits a little less or more each time. handOver
// returns how many were received.
func handOver(r *Ring, n int, registered bool) int {
	var wg sync.WaitGroup
	var over atomic.Bool
	wg.Go(func() {
		p := r.NewProducer(0, registered)
		msg := make([]byte, 1500) // its stamp is seen some time after it was stored
		for i := 0; i < n && !over.Load(); i++ {
			if p.Put(msg) != nil {
				return
			}
			p.Notify()
			for spins := 0; r.Head() != p.End() && !over.Load(); spins++ {
				if spins > 1000 {
					runtime.Gosched()
				}
			}
			for range i % 128 {
				r.Tail()
			}
		}
	})
	wg.Go(func() { receiveAll(r, n, registered, &over) })
	return untilItStops(r, &wg, &over)
}

// receiveAll receives n messages, and sleeps whenever there is none.
func receiveAll(r *Ring, n int, registered bool, over *atomic.Bool) {
	c, err := r.NewConsumer(registered)
	b := r.Doorbell()
	own := make([]byte, r.MaxMessage())
	for got := 0; err == nil && got < n && !over.Load(); {
		seq := b.Seq()
		if msg, err := c.Next(); err == nil {
			copy(own, msg)
			c.Release()
			got++
			continue
		}
		b.Announce()
		if !c.Ready() {
			_ = b.Sleep(seq, long)
		}
		b.Retract()
	}
}

// fillUp sends n messages from each sender through a ring that holds five, so that
// senders sleep too.
func fillUp(r *Ring, n int, registered bool) int {
	var wg sync.WaitGroup
	var over atomic.Bool
	for who := range senders {
		wg.Go(func() {
			msg := make([]byte, 700)
			p, w := r.NewProducer(who, registered), r.Waiter(who)
			beats(r, who)
			for i := 0; i < n && !over.Load(); {
				if p.Put(msg) == nil {
					p.Notify()
					i++
					continue
				}
				p.Join(len(msg), p.ring.Tail())
				b := w.Announce()
				if !w.HasRoom(len(msg)) && !w.Passed() {
					_ = futex.Wait(w.Doorbell(), b, long)
				}
			}
		})
	}
	wg.Go(func() { receiveAll(r, senders*n, registered, &over) })
	return untilItStops(r, &wg, &over)
}

// untilItStops waits until all have finished, or nothing was received for long, and
// returns how many messages were received.
func untilItStops(r *Ring, wg *sync.WaitGroup, over *atomic.Bool) int {
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	received := func() int { return int(r.ctl.received.Load()) }
	tick := time.NewTicker(proctest.Patience / 2)
	defer tick.Stop()
	for last := -1; received() != last; {
		last = received()
		select {
		case <-done:
			return received()
		case <-tick.C:
		}
	}
	over.Store(true)
	r.Close() // ends all sleeps
	<-done
	return received()
}

// The number of messages, of one sender and of each.
const (
	handed = 4_000
	filled = 3_000
)

func TestNoWakeUpOfTheReceiverIsLost(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		require.Equal(t, handed, handOver(r, handed, fence.Register()), "then somebody slept on")
	})
}

func TestNoWakeUpForRoomIsLost(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		require.Equal(t, senders*filled, fillUp(r, filled, fence.Register()), "then somebody slept on")
	})
}

// unregisteredRole is a process that has not registered for membarrier, as if a
// filter refused it, so that its threads can't be made to fence.
func unregisteredRole([]string) int {
	proctest.Say("%d", handOver(NewHeapRing(MinCapacity, senders, 0), handed, false))
	proctest.Say("%d", fillUp(NewHeapRing(MinCapacity, senders, 0), filled, false))
	return 0
}

func TestNoWakeUpIsLostBetweenEndsThatFenceThemselves(t *testing.T) {
	p := proctest.Start(t, "unregistered")
	require.Equal(t, strconv.Itoa(handed), p.Line(), "then somebody slept on")
	require.Equal(t, strconv.Itoa(senders*filled), p.Line(), "then somebody slept on")
	require.Zero(t, p.Wait())
}
