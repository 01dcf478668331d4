package shm

import (
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/process"
)

// late returns the identity of a process that is gone.
func late(t testing.TB) Owner {
	t.Helper()
	cmd := exec.Command("true")
	require.NoError(t, cmd.Run())
	return Owner{Process: process.Identity{PID: cmd.Process.Pid, NS: process.Self().NS, Start: 1}, Label: "late"}
}

// attachAs attaches an endpoint for the owner; its lock is held until the test ends.
func attachAs(t testing.TB, s *Segment, o Owner) (holder *Segment, slot int) {
	t.Helper()
	holder = reopen(t, s)
	slot, err := holder.AttachSender(o, time.Second)
	require.NoError(t, err)
	return holder, slot
}

func requireAny(t testing.TB, s *Segment, want bool) {
	t.Helper()
	alive, err := s.AnySenderAlive()
	require.NoError(t, err)
	require.Equal(t, want, alive)
}

func requireLocked(t testing.TB, want bool, lock func() (bool, error)) {
	t.Helper()
	ok, err := lock()
	require.NoError(t, err)
	require.Equal(t, want, ok)
}

func TestOwnerIsDeadThoughItsLockIsHeld(t *testing.T) {
	gone, self := late(t), Owner{Process: process.Self()}
	elsewhere, unknown := gone, gone
	elsewhere.Process.NS++
	unknown.Process.NS = 0
	for what, test := range map[string]struct {
		owners []Owner
		alive  []bool
	}{
		"gone":                   {[]Owner{gone}, []bool{false}},
		"this process":           {[]Owner{self}, []bool{true}},
		"in another namespace":   {[]Owner{elsewhere}, []bool{true}},
		"in an unknown one":      {[]Owner{unknown}, []bool{true}},
		"one of two, the first":  {[]Owner{self, gone}, []bool{true, false}},
		"one of two, the second": {[]Owner{gone, self}, []bool{false, true}},
		"all of many":            {[]Owner{gone, gone, gone, gone}, []bool{false, false, false, false}},
		"one of many lives":      {[]Owner{gone, gone, self, gone, gone}, []bool{false, false, true, false, false}},
	} {
		t.Run(what, func(t *testing.T) {
			s := makeSegment(t, Config{Capacity: 1, MaxSenders: 7})
			any := false
			for i, o := range test.owners {
				_, slot := attachAs(t, s, o)
				require.Equal(t, i, slot)
				requireAlive(t, s, i, test.alive[i])
				late, generation, outlived := s.Outlived(i)
				require.Equal(t, !test.alive[i], outlived)
				if outlived {
					require.Equal(t, o, late)
					require.EqualValues(t, 1, generation)
				}
				any = any || test.alive[i]
			}
			requireAny(t, s, any)
			all := reopen(t, s)
			requireLocked(t, !any, all.LockAll)
			requireLock(t, s, any) // nothing was taken on the way
			require.NoError(t, s.unlock(receiverByte))
		})
	}
}

func TestSlotOfADeadOwnerStaysTakenWhileItsLockIsHeld(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1, MaxSenders: 1})
	holder, slot := attachAs(t, s, late(t))
	_, err := reopen(t, s).AttachSender(Owner{}, 1)
	require.ErrorIs(t, err, ErrNoSlot)
	_, reaped, err := s.Reap(slot)
	require.NoError(t, err)
	require.False(t, reaped)
	die(t, holder)
	_, _, outlived := s.Outlived(slot)
	require.False(t, outlived, "dead by its lock")
	attach(t, reopen(t, s), 1)
	require.EqualValues(t, 1, s.Deaths())
}

// A slot that is being filled in has no owner yet: only its lock counts.
func TestWordsOfASlotThatChangesHandsNameNobody(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1, MaxSenders: 1})
	attachAs(t, s, late(t))
	sl := &s.ring.slots[1]
	requireAlive(t, s, 0, false)
	for _, state := range []uint32{slotFree, slotBarred, 7} {
		sl.state.Store(state)
		requireAlive(t, s, 0, true)
	}
	sl.state.Store(slotLive)
	requireAlive(t, s, 0, false)
	sl.gen.Add(1) // the next owner, of the same process
	requireAlive(t, s, 0, false)
	sl.pid.Store(uint32(process.Self().PID))
	sl.start.Store(process.Self().Start)
	requireAlive(t, s, 0, true)
}

func TestLatchKeepsNewcomersOutOfASlotWhoseLockBecomesFree(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1, MaxSenders: 3})
	receiver := reopen(t, s)
	requireLock(t, receiver, true)
	_, _ = attachAs(t, s, late(t))
	holder, slot := attachAs(t, s, late(t))
	requireLocked(t, true, receiver.LockSenders)
	die(t, holder)
	newcomer := reopen(t, s)
	_, err := newcomer.AttachSender(Owner{}, 1)
	require.ErrorIs(t, err, ErrNoSlot)
	require.NoError(t, receiver.UnlockSenders())
	for range 2 { // the free one, and the one that was barred
		attach(t, reopen(t, s), 1)
	}
	require.True(t, s.SenderEndpoint(slot).Live())
	require.EqualValues(t, 2, s.SenderEndpoint(slot).Generation())
	require.EqualValues(t, 1, s.Deaths())
}

func TestLatchGivesWayToANewcomer(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1, MaxSenders: 2})
	receiver := reopen(t, s)
	requireLock(t, receiver, true)
	attachAs(t, s, late(t))
	_, slot := attachAs(t, s, Owner{Process: process.Self()})
	requireLocked(t, false, receiver.LockSenders)
	require.True(t, s.SenderEndpoint(0).Live())
	require.True(t, s.SenderEndpoint(slot).Live())
}

func TestChannelIsFinishedThoughItsDeadReceiversLockIsHeld(t *testing.T) {
	for _, durable := range []bool{false, true} {
		t.Run(strconv.FormatBool(durable), func(t *testing.T) {
			s := makeSegment(t, Config{Capacity: 1, Durable: durable})
			holder := reopen(t, s)
			requireLock(t, holder, true)
			holder.AttachReceiver(late(t), time.Second)
			alive, err := s.ReceiverAlive()
			require.NoError(t, err)
			require.False(t, alive)
			finished, err := s.Finished()
			require.NoError(t, err)
			require.Equal(t, !durable, finished)
			requireLocked(t, true, reopen(t, s).LockAll)
		})
	}
}

// The process table is queried once per endpoint, and again only while the endpoint
// is silent, at most once per interval of its own, or if the kernel reported a
// death.
func TestProcessTableIsAskedSeldom(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1, MaxSenders: 1})
	_, slot := attachAs(t, s, Owner{Process: process.Self()})
	end := s.SenderEndpoint(slot)
	asked := func() int64 {
		requireAlive(t, s, slot, true)
		return s.view.owners.by[senderByte(slot)].asked
	}
	silentFor := func(d time.Duration) { end.slot.beatAt.Store(process.Monotonic() - int64(d)) }
	askedBefore := func(d time.Duration) {
		v := s.view.owners.by[senderByte(slot)]
		v.asked = process.Monotonic() - int64(d)
		s.view.owners.by[senderByte(slot)] = v
	}
	end.Beat(process.Monotonic())
	first := asked()
	require.NotZero(t, first, "unknown before")
	require.Equal(t, first, asked())
	silentFor(time.Hour)
	require.Equal(t, first, asked(), "asked within its interval")
	askedBefore(time.Hour)
	second := asked()
	require.Greater(t, second, first, "silent")
	end.Beat(process.Monotonic())
	askedBefore(time.Hour)
	before := s.view.owners.by[senderByte(slot)].asked
	require.Equal(t, before, asked(), "it beats")
	s.Suspect(slot)
	third := asked()
	require.Greater(t, third, second, "a death was told")
	require.Equal(t, third, asked(), "once")
	for _, lie := range []int64{-1, 0, 1 << 62} {
		end.slot.interval.Store(lie)
		silentFor(time.Hour)
		askedBefore(time.Minute)
		require.Greater(t, asked(), third, "whatever interval it claims")
	}
}
