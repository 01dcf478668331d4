package shm

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/process"
)

// reopen opens the segment again, with locks of its own.
func reopen(t testing.TB, s *Segment) *Segment {
	t.Helper()
	c, err := s.Clone()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func attach(t testing.TB, s *Segment, pid int) int {
	t.Helper()
	slot, err := s.AttachSender(Owner{Process: process.Identity{PID: pid}, Label: "x"}, time.Second)
	require.NoError(t, err)
	return slot
}

// die closes the segment without detaching: to the kernel its endpoints are dead.
func die(t testing.TB, s *Segment) {
	t.Helper()
	require.NoError(t, s.Close())
}

func requireAlive(t testing.TB, s *Segment, slot int, want bool) {
	t.Helper()
	alive, err := s.SenderAlive(slot)
	require.NoError(t, err)
	require.Equal(t, want, alive)
}

func TestSendersTakeSlotsOfTheirOwn(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1, MaxSenders: 3})
	ends := []*Segment{reopen(t, s), reopen(t, s), reopen(t, s)}
	for i, e := range ends {
		require.Equal(t, i, attach(t, e, 100+i))
		require.Equal(t, 100+i, s.SenderEndpoint(i).Owner().Process.PID)
		requireAlive(t, s, i, true)
		requireAlive(t, e, i, false) // its own lock does not count
	}
	require.EqualValues(t, 3, s.Ring().ctl.attached.Load())
	require.EqualValues(t, 3, s.Changes())

	_, err := reopen(t, s).AttachSender(Owner{}, 1)
	require.ErrorIs(t, err, ErrNoSlot)
	require.ErrorContains(t, err, "all 3 are taken")

	require.NoError(t, ends[1].DetachSender(1))
	requireAlive(t, s, 1, false)
	require.False(t, s.SenderEndpoint(1).Live())
	require.EqualValues(t, 4, s.Changes())
	require.Equal(t, 1, attach(t, reopen(t, s), 200), "free at once")
	require.Zero(t, s.Deaths())
}

func TestOneSegmentMayHoldSeveralSlots(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1, MaxSenders: 3})
	require.Equal(t, 0, attach(t, s, 1))
	require.Equal(t, 1, attach(t, s, 2))
	require.NoError(t, s.DetachSender(0))
	requireAlive(t, reopen(t, s), 1, true)
}

func TestDeadSendersSlotIsTakenOnlyIfNoneIsFree(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1, MaxSenders: 2})
	dead := reopen(t, s)
	attach(t, dead, 1)
	put(t, dead.Ring().NewProducer(0, true), "unread")
	die(t, dead)
	requireAlive(t, s, 0, false)
	require.True(t, s.SenderEndpoint(0).Live(), "nobody has cleared up")

	require.Equal(t, 1, attach(t, reopen(t, s), 2))
	require.Zero(t, s.Deaths())
	require.Equal(t, 0, attach(t, reopen(t, s), 3))
	require.EqualValues(t, 1, s.Deaths())
	require.Equal(t, 3, s.SenderEndpoint(0).Owner().Process.PID)
	require.Equal(t, Counters{Sent: 1, SentBytes: 6, Deaths: 1}, s.Counters())
}

func TestDeadSendersSlotIsNotGivenAwayWhileItsClaimIsInFlight(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1, MaxSenders: 1})
	dead := reopen(t, s)
	attach(t, dead, 1)
	claim(t, dead.Ring().NewProducer(0, true), 10)
	die(t, dead)

	other := reopen(t, s)
	for range 2 {
		_, err := other.AttachSender(Owner{}, 1)
		require.ErrorIs(t, err, ErrNoSlot)
		_, reaped, err := s.Reap(0)
		require.NoError(t, err)
		require.False(t, reaped)
		requireAlive(t, s, 0, false) // left, and unlocked
		requireAlive(t, other, 0, false)
	}
	c := newConsumer(t, s.Ring())
	skipped, err := c.Recover(func(int) bool { return true })
	require.NoError(t, err)
	require.True(t, skipped)
	require.Equal(t, 0, attach(t, other, 2))
}

func TestReapFreesTheSlotOfTheDeadAlone(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1, MaxSenders: 2})
	alive, dead := reopen(t, s), reopen(t, s)
	attach(t, alive, 1)
	attach(t, dead, 2)
	put(t, dead.Ring().NewProducer(1, true), "unread")
	for i := range 2 {
		_, reaped, err := s.Reap(i)
		require.NoError(t, err)
		require.False(t, reaped)
	}
	die(t, dead)
	changes := s.Changes()
	o, reaped, err := s.Reap(1)
	require.NoError(t, err)
	require.True(t, reaped)
	require.Equal(t, Owner{Process: process.Identity{PID: 2}, Label: "x"}, o)
	require.Equal(t, changes+1, s.Changes())
	require.EqualValues(t, 1, s.Deaths())
	require.False(t, s.SenderEndpoint(1).Live())

	_, reaped, err = s.Reap(1)
	require.NoError(t, err)
	require.False(t, reaped, "once")
	take(t, newConsumer(t, s.Ring()), "unread")
	require.Equal(t, 1, attach(t, reopen(t, s), 3))
	requireAlive(t, s, 0, true)
}

// A reaper holds the lock of the slot that it frees, as an owner would. LockSender
// must not take that for a lack of slots.
func TestSlotThatIsBeingReapedIsNotTaken(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1, MaxSenders: 1})
	reaper, next := reopen(t, s), reopen(t, s)
	var stop atomic.Bool
	var reaping sync.WaitGroup
	reaping.Go(func() {
		for !stop.Load() {
			if !reaper.SenderEndpoint(0).Live() {
				continue
			}
			if _, _, err := reaper.Reap(0); err != nil {
				t.Error(err)
			}
		}
	})
	defer reaping.Wait()
	defer stop.Store(true)
	for range 200 {
		dying, err := s.Clone()
		require.NoError(t, err)
		attach(t, dying, 1)
		die(t, dying)
		attach(t, next, 2)
		require.NoError(t, next.DetachSender(0))
	}
}
