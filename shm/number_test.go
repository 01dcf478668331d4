//go:build failpoints && linux

package shm

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/busguard"
	"github.com/shmchan/shmchan/internal/failpoint"
)

// death is the value of the panic that kills a receiver.
type death struct{}

// killed runs fn, and reports whether it was killed when it reached the point for
// the n-th time.
func killed(point failpoint.Point, n int, fn func()) (dead bool) {
	failpoint.Arm(point, n, func(failpoint.Point) { panic(death{}) })
	defer func() {
		failpoint.Disarm()
		if what := recover(); what != nil {
			dead = what == any(death{})
			if !dead {
				panic(what)
			}
		}
	}()
	fn()
	return false
}

// Messages contain their numbers. Receivers take some in place, release, and are
// killed at any step of that, while they attach, or while they skip a dead sender's
// claim. Each numbers every message correctly, and every observer counts the same.
func TestNumbersAreThoseOfTheMessagesWhereverAReceiverIsKilled(t *testing.T) {
	points := []failpoint.Point{
		failpoint.MessageRead, failpoint.BeforeRelease, failpoint.ReceivedStored, failpoint.BaseStored, failpoint.HeadStored,
		failpoint.CursorStored, failpoint.ReleaseCounted, failpoint.CountsStored, failpoint.SkipMarked, failpoint.RecoverEnd, failpoint.Recovered,
	}
	onBothFrom(t, func(t *testing.T, r *Ring) {
		rnd := rand.New(rand.NewPCG(1, 2))
		// As if this many messages had been received: the low half is about to
		// overflow.
		before := uint64(1)<<32 - 200
		r.ctl.received.Store(before)
		r.ctl.base.Store(baseWord(r.Head(), before))
		p := make([]*Producer, senders)
		for i := range p {
			p[i] = r.NewProducer(i, true)
		}
		sent, claims, died := before, uint64(0), map[failpoint.Point]int{}
		message := func() []byte {
			sent++
			return binary.LittleEndian.AppendUint64(make([]byte, 0, 64), sent)[:8+rnd.IntN(56)]
		}
		fill := func() {
			for int64(r.Tail()-r.Head()) < int64(r.capacity/2) {
				switch rnd.IntN(4) {
				case 0:
					_, err := p[0].Claim(8)
					require.NoError(t, err)
					p[0] = r.NewProducer(0, true) // the next owner; the intent stays
					_, err = p[1].PutBatch([][]byte{message()})
					require.NoError(t, err)
					claims++
					return // one at a time: the next claim overwrites the intent
				case 1:
					require.NoError(t, p[2].Put(message()))
				default:
					msgs := [][]byte{message(), message(), message(), message(), message()}
					n, err := p[1].PutBatch(msgs)
					require.NoError(t, err)
					require.Equal(t, len(msgs), n)
				}
			}
		}
		var c *Consumer
		step := func() {
			if c == nil {
				n, err := r.NewConsumer(true)
				require.NoError(t, err)
				c = n
			}
			if rnd.IntN(3) == 0 {
				fails, most := rnd.IntN(20), 1+rnd.IntN(12)
				n, err := c.Each(most, c.Position()+r.capacity, busguard.None(), func(msg []byte) error {
					require.Equal(t, binary.LittleEndian.Uint64(msg), c.Origin().Seq)
					if fails--; fails < 0 {
						return errFails
					}
					return nil
				})
				require.LessOrEqual(t, n, most)
				if err != nil {
					require.Equal(t, errFails, err)
					c.Rewind()
				}
				require.Zero(t, c.Unreleased())
			}
			for range rnd.IntN(7) {
				msg, err := c.Next()
				if err != nil {
					require.ErrorIs(t, err, ErrEmpty)
					if inFlight, err := c.InFlight(); err != nil || !inFlight {
						require.NoError(t, err)
						break
					}
					_, err := c.Recover(func(int) bool { return true })
					require.NoError(t, err)
					continue
				}
				require.Equal(t, binary.LittleEndian.Uint64(msg), c.Origin().Seq)
			}
			if rnd.IntN(5) == 0 {
				c.Rewind()
			} else {
				c.Release()
			}
		}
		for range 5000 {
			if r.Tail() == r.Head() {
				fill()
			}
			point := points[rnd.IntN(len(points))]
			if killed(point, 1+rnd.IntN(2), step) {
				died[point]++
				c = nil
			}
			look, err := r.NewPeeker(func(int) bool { return true })
			require.NoError(t, err)
			msg, from, err := look.Next()
			now := r.progress()
			if err == nil {
				require.Equal(t, binary.LittleEndian.Uint64(msg), from.Seq)
				require.Equal(t, from.Seq-1, now.messages)
			} else {
				require.ErrorIs(t, err, ErrEmpty)
				require.Equal(t, sent, now.messages)
			}
			require.LessOrEqual(t, now.skipped, claims)
			require.GreaterOrEqual(t, now.skipped+1, claims)
			if r.Tail() == r.Head() {
				require.Equal(t, claims, now.skipped)
			}
		}
		require.Greater(t, sent, uint64(1)<<32+1000)
		for _, point := range points {
			require.Positive(t, died[point], point)
		}
	})
}

// A process that is killed after it freed a sender's slot, but before it moved the
// counts, leaves them there. The next owner starts at zero and must not lose them.
func TestCountsOfASenderKilledAsItsSlotIsFreedAreKept(t *testing.T) {
	seg := makeSegment(t, Config{Capacity: MinCapacity, MaxSenders: 1})
	for i := range uint64(3) {
		s, err := seg.Clone()
		require.NoError(t, err)
		slot, err := s.AttachSender(Owner{}, 1)
		require.NoError(t, err)
		put(t, s.Ring().NewProducer(slot, true), "one", "three")
		require.True(t, killed(failpoint.SlotFree, 1, func() { _ = s.DetachSender(slot) }))
		require.NoError(t, s.Close())
		count := seg.Counters()
		require.Equal(t, 2*(i+1), count.Sent)
		require.Equal(t, 8*(i+1), count.SentBytes)
	}
}
