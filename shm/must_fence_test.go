package shm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func asked(b Doorbell) bool { return b.words.flags.Load()&bellFence != 0 }

// lineAsked is asked for the senders' line.
func lineAsked(r *Ring) bool { return r.ctl.line.flags.Load()&lineFence != 0 }

func TestReceiverAsksForNoFenceThatOnlyTheOneBeforeNeeded(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1, Durable: true})
	b := s.Ring().Doorbell()
	for _, gone := range []func(*Segment){
		func(before *Segment) { require.NoError(t, before.DetachReceiver()) },
		func(before *Segment) { die(t, before) },
	} {
		before, err := s.Clone()
		require.NoError(t, err)
		locked, err := before.LockReceiver()
		require.NoError(t, err)
		require.True(t, locked)
		before.AttachReceiver(Owner{}, time.Second)
		require.False(t, asked(b))
		b.MustFence()
		b.Announce()
		require.True(t, asked(b), "it stays while the receiver does")
		gone(before)
		die(t, before) // again does nothing
		require.True(t, asked(b))
	}
	locked, err := s.LockReceiver()
	require.NoError(t, err)
	require.True(t, locked)
	s.AttachReceiver(Owner{}, time.Second)
	require.False(t, asked(b))
}

// relay sends a message and releases it.
func relay(t *testing.T, p *Producer, c *Consumer) {
	t.Helper()
	put(t, p, "x")
	take(t, c, "x")
	c.Release()
}

func TestLineAsksForNoFenceOnceNoSenderNeedsIt(t *testing.T) {
	for what, c := range map[string]struct {
		leave func(t *testing.T, s, who *Segment, slot int)
		look  func(*testing.T, *Producer, *Consumer)
	}{
		"closed, seen by the next release": {
			func(t *testing.T, _, who *Segment, slot int) { require.NoError(t, who.DetachSender(slot)) }, relay,
		},
		"closed, seen by an idle receiver": {
			func(t *testing.T, _, who *Segment, slot int) { require.NoError(t, who.DetachSender(slot)) },
			func(_ *testing.T, _ *Producer, c *Consumer) { c.Review() },
		},
		"died and was reaped": {
			func(t *testing.T, s, who *Segment, slot int) {
				die(t, who)
				_, reaped, err := s.Reap(slot)
				require.NoError(t, err)
				require.True(t, reaped)
			}, relay,
		},
		"died as it left": {
			func(t *testing.T, s, who *Segment, slot int) {
				s.Ring().vacate(slot)
				die(t, who)
				s.ReceiverEndpoint().Beat(1)
			}, relay,
		},
		"died, and another took the slot": {
			func(t *testing.T, s, who *Segment, slot int) {
				die(t, who)
				for range s.Ring().Senders() { // the free ones come first
					attach(t, reopen(t, s), 9)
				}
				require.EqualValues(t, 9, s.SenderEndpoint(slot).Owner().Process.PID)
			}, relay,
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := makeSegment(t, Config{Capacity: 1, MaxSenders: 3, Durable: true})
			r := s.Ring()
			consumer := newConsumer(t, r)
			first, able, second := reopen(t, s), reopen(t, s), reopen(t, s)
			at, ableAt := attach(t, first, 1), attach(t, able, 2)
			p := r.NewProducer(ableAt, true)
			r.Waiter(at).MustFence()
			relay(t, p, consumer)
			require.True(t, lineAsked(r), "it is attached")

			secondAt := attach(t, second, 3)
			r.Waiter(secondAt).MustFence()
			relay(t, p, consumer)
			require.NoError(t, second.DetachSender(secondAt))
			relay(t, p, consumer)
			require.True(t, lineAsked(r), "one of two is attached")

			if what == "died, and another took the slot" {
				require.NoError(t, able.DetachSender(ableAt))
			}
			c.leave(t, s, first, at)
			c.look(t, p, consumer)
			require.False(t, lineAsked(r))
			relay(t, p, consumer)
			require.False(t, lineAsked(r))
		})
	}
}

// A receiver that dies during a review leaves the line without the flag.
func TestNextReceiverAsksAgainForTheSendersThatNeedAFence(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1, Durable: true})
	at := attach(t, reopen(t, s), 1)
	s.Ring().Waiter(at).MustFence()
	s.Ring().ctl.line.flags.And(^uint32(lineFence)) // V2, and death
	newConsumer(t, s.Ring())
	require.True(t, lineAsked(s.Ring()))
}

func TestSenderThatComesToBeRefusedMarksItsSlot(t *testing.T) {
	r := NewHeapRing(1, 2, 0)
	w := r.Waiter(1)
	w.Announce() // reaches all threads here, or marks by itself
	w.MustFence()
	require.EqualValues(t, 0, r.slots[1].mustFence.Load())
	require.EqualValues(t, 1, r.slots[2].mustFence.Load())
	r.slots[2].occupy(Owner{}, 0, 0, 0)
	require.EqualValues(t, 0, r.slots[2].mustFence.Load(), "the next owner has not asked")
}
