//go:build linux && !race

package shm

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/fence"
)

// A fence is a locked instruction on a word of the endpoint's own. The test detects
// it by making that word's page read-only.
func TestSenderFencesIfTheBellSaysSoOrItHasNotRegistered(t *testing.T) {
	for what, c := range map[string]struct {
		registered bool
		flags      uint32
		fences     bool
	}{
		"neither":              {true, 0, false},
		"asleep":               {true, bellSleeping, false},
		"the doorbell":         {true, bellFence, true},
		"the doorbell, asleep": {true, bellFence | bellSleeping, true},
		"not registered":       {false, 0, true},
	} {
		t.Run(what, func(t *testing.T) {
			g := newGlass(t, beforeHead, beforeBeat, 0)
			p := g.NewProducer(0, c.registered)
			g.ctl.doorbell.flags.Store(c.flags)
			if c.fences {
				g.killedStoring(slotsLow, p.Notify)
				return
			}
			g.permit(slotsLow, unix.PROT_READ)
			require.Equal(t, -1, g.stopped(p.Notify), "it fences for nobody")
		})
	}
}

func TestReceiverFencesIfTheBellSaysSoOrItHasNotRegistered(t *testing.T) {
	for what, c := range map[string]struct {
		registered bool
		flags      uint32
		fences     bool
	}{
		"neither":        {true, 0, false},
		"the line":       {true, lineFence, true},
		"senders wait":   {true, lineWaiting, true},
		"not registered": {false, 0, true},
	} {
		t.Run(what, func(t *testing.T) {
			g := newGlass(t, beforeHead, beforeBeat, 0)
			consumer, err := g.NewConsumer(c.registered)
			require.NoError(t, err)
			g.ctl.line.flags.Store(c.flags)
			if c.fences {
				g.killedStoring(controlHigh, consumer.Release)
				return
			}
			g.permit(controlHigh, unix.PROT_READ)
			require.Equal(t, -1, g.stopped(consumer.Release), "it fences for nobody")
		})
	}
}

// Either the sleeper's second look finds the publication, or the publisher finds the
// announcement and notifies. The publisher's store is a plain one, still in the
// store buffer at its look, behind stores to lines that the sleeper's processor
// holds, so the sleeper's fence is needed.
func TestSleeperSeesThePublicationOrIsSeen(t *testing.T) {
	if min(runtime.NumCPU(), runtime.GOMAXPROCS(0)) < 2 || !fence.Register() {
		t.Skip("needs two processors and membarrier")
	}
	var ballast, load [1500]byte
	for what, side := range map[string]struct {
		// announce begins a sleep; the function it returns reports whether it was not notified.
		announce func(r *Ring, p *Producer) (asleep func() bool)
		prepare  func(p *Producer, c *Consumer)
		publish  func(p *Producer, c *Consumer)
		look     func(r *Ring, c *Consumer) bool
	}{
		"the receiver": {
			announce: func(r *Ring, _ *Producer) func() bool {
				b := r.Doorbell()
				seq := b.Seq()
				b.Announce()
				return func() bool { defer b.Retract(); return b.Seq() == seq }
			},
			prepare: func(p *Producer, c *Consumer) {
				_, _ = c.Next()
				c.Release()
				clear(p.ring.data[p.ring.Tail()&p.ring.mask:][:RecordHeader+len(ballast)])
			},
			publish: func(p *Producer, _ *Consumer) { _ = p.Put(ballast[:]); p.Notify() },
			look:    func(_ *Ring, c *Consumer) bool { return c.Ready() },
		},
		"a sender": {
			announce: func(_ *Ring, p *Producer) func() bool {
				p.Join(MinCapacity/2, 0)
				was := p.waiter.Announce()
				return func() bool { defer p.Leave(); return p.waiter.Doorbell().Load() == was }
			},
			prepare: func(p *Producer, c *Consumer) {
				_ = p.Put(make([]byte, MinCapacity/2))
				_, _ = c.Next()
				clear(load[:])
			},
			publish: func(_ *Producer, c *Consumer) { copy(load[:], ballast[:]); c.Release() },
			look:    func(r *Ring, _ *Consumer) bool { return r.Waiter(0).HasRoom(MinCapacity / 2) },
		},
	} {
		t.Run(what, func(t *testing.T) {
			r := mappedRing(t, 0)
			p, c := ends(t, r)
			var round, ready atomic.Int64
			go inStep(&round, &ready, func() { side.publish(p[0], c) })
			missed, rounds := 0, 0
			for end := time.Now().Add(time.Second); rounds < 20_000 && time.Now().Before(end); rounds++ {
				side.prepare(p[0], c)
				side.look(r, c) // so that this processor has its line too
				round.Add(1)
				linger(rounds % 97)
				asleep := side.announce(r, p[0])
				saw := side.look(r, c)
				spin(func() bool { return ready.Load() == round.Load() })
				if asleep() && !saw {
					missed++
				}
			}
			round.Store(-1)
			require.Zero(t, missed, "wake-ups lost in %d rounds", rounds)
		})
	}
}

// inStep runs do once per round, as soon as the round begins, and stores the round
// in ready afterwards. Round -1 stops it.
func inStep(round, ready *atomic.Int64, do func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for n := int64(1); ; n++ {
		spin(func() bool { return round.Load() == n || round.Load() < 0 })
		if round.Load() < 0 {
			return
		}
		do()
		ready.Store(n)
	}
}

// spin busy-waits, but lets other threads run on a busy machine.
func spin(until func() bool) {
	for n := 0; !until(); n++ {
		if n%1000 == 999 {
			_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
		}
	}
}

// linger takes a few nanoseconds times n.
func linger(n int) {
	for range n {
		spent.Add(1)
	}
}

var spent atomic.Int64
