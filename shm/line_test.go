package shm

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/process"
)

// lined is a small ring whose senders wait in line for messages of equal size.
type lined struct {
	*Ring
	p    []*Producer
	c    *Consumer
	bell []uint32 // of each sender, when it was announced
}

const linedSize = 500 // bytes: seven such messages fill the ring but for a rest

// inLine fills the ring by sender 0, and makes the others join in order and announce
// themselves.
func inLine(t *testing.T, r *Ring) *lined {
	t.Helper()
	l := &lined{Ring: r, bell: make([]uint32, senders)}
	l.p, l.c = ends(t, r)
	msg := text(linedSize, 0)
	for l.p[0].Put([]byte(msg)) == nil {
	}
	for i := range l.p {
		l.join(i, linedSize)
	}
	return l
}

func (l *lined) join(i, n int) {
	l.p[i].Join(n, l.Tail())
	l.bell[i] = l.p[i].waiter.Announce()
}

// woken returns which senders were woken since they announced themselves.
func (l *lined) woken() (who []int) {
	for i, p := range l.p {
		if b := p.waiter.Doorbell().Load(); l.bell[i] != 0 && b != l.bell[i] {
			who = append(who, i)
		}
	}
	return who
}

func (l *lined) release(t *testing.T, n int) {
	t.Helper()
	for range n {
		_, err := l.c.Next()
		require.NoError(t, err)
	}
	l.c.Release()
}

func (l *lined) first() int { return turn(l.ctl.turn.Load()).slot() }

func TestReleaseWakesTheFirstInLineAloneAndOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		l := inLine(t, r)
		require.Empty(t, l.woken())
		require.Zero(t, l.first(), "who came first")
		l.release(t, 1)
		require.Equal(t, []int{0}, l.woken())
		was := l.p[0].waiter.Doorbell().Load()
		l.release(t, 1)
		require.Equal(t, []int{0}, l.woken())
		require.Equal(t, was, l.p[0].waiter.Doorbell().Load(), "woken once")

		// It finds no room, and sleeps again.
		l.bell[0] = l.p[0].waiter.Announce()
		l.release(t, 1)
		require.Equal(t, []int{0}, l.woken())
	})
}

func TestReleaseBelowTheNeedOfTheFirstWakesNobody(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		l := inLine(t, r)
		for _, p := range l.p {
			p.Leave()
		}
		l.join(1, 1500) // three of the others
		l.join(2, 1)
		for range 2 {
			l.release(t, 1)
			require.Empty(t, l.woken())
		}
		l.release(t, 1)
		require.Equal(t, []int{1}, l.woken())
	})
}

func TestOthersLeaveTheFirstItsRoom(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		l := inLine(t, r)
		for _, p := range l.p {
			p.Leave()
		}
		l.join(1, 1000)
		for range 2 {
			requireFull(t, l.p[0], 1)
			requireFull(t, l.p[2], 1)
			require.False(t, l.p[2].waiter.HasRoom(1))
			l.release(t, 1)
		}
		require.True(t, l.p[1].waiter.HasRoom(1000))
		l.release(t, 1)
		require.True(t, l.p[2].waiter.HasRoom(100), "there is more than the first needs")
		put(t, l.p[2], text(100, 0))
		require.True(t, l.p[1].waiter.HasRoom(1000))
		put(t, l.p[1], text(1000, 0))
		require.Zero(t, l.ctl.turn.Load())
	})
}

func TestClaimHandsTheTurnOnInOrderAndWakesWhoCanGoOn(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		l := inLine(t, r)
		l.release(t, 7)
		for i := range l.p {
			require.Equal(t, i, l.first())
			require.Contains(t, l.woken(), i)
			require.NotContains(t, l.woken(), i+1, "only the first was woken")
			put(t, l.p[i], text(linedSize, 0))
		}
		require.Zero(t, l.ctl.turn.Load())
		require.Zero(t, l.ctl.waiting[0].Load())
	})
}

func TestLeavingHandsTheTurnOn(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		l := inLine(t, r)
		l.p[1].Leave() // from the middle
		require.Zero(t, l.first())
		l.release(t, 1)
		l.p[0].Leave()
		require.Equal(t, 2, l.first())
		require.Contains(t, l.woken(), 2, "its need was met already")
	})
}

// A newcomer may find the first's ticket cleared but not yet its turn. It names the
// next first, and the leaver then finds the turn changed.
func TestNewcomerThatNamesTheNextWakesIt(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		l := inLine(t, r)
		l.p[2].Leave()
		l.bell[2] = 0
		l.release(t, 1)
		leaver := l.p[0].waiter
		ticket := leaver.slot.ticket.Swap(0) // the first step of its Leave
		require.NotZero(t, ticket)
		l.join(2, linedSize)
		require.Equal(t, 1, l.first())
		require.Contains(t, l.woken(), 1, "its need is met")
		require.NotContains(t, l.woken(), 2)
	})
}

// In an empty ring nothing is released, and a sender that only tries does not join.
func TestTurnOfOneThatHasLeftKeepsNobodyOut(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		p, _ := ends(t, r)
		r.ctl.turn.Store(uint64(makeTurn(1, r.recordSize(r.capacity/2), 2)))
		put(t, p[0], text(int(r.capacity/2), 0))
		require.Zero(t, r.ctl.turn.Load())
	})
}

// Other senders may pass a sender in line if there is room for both, until a ringful
// has passed it. Then none claims before it, nor before the one behind it.
func TestNobodyPassesOnceARingfulHas(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		began := r.Tail()
		for i := range 2 {
			p[i].Join(8, began)
		}
		passed := 0
		for ; passed < 1000; passed++ { // it takes room each time, which is given back
			if p[2].Put([]byte("x")) != nil {
				break
			}
			_, err := c.Next()
			require.NoError(t, err)
			c.Release()
		}
		require.ErrorIs(t, p[2].Put([]byte("x")), ErrFull)
		size := r.recordSize(1)
		require.EqualValues(t, r.capacity/size+min(1, r.capacity%size), passed)
		require.False(t, r.Waiter(2).HasRoom(1))

		require.NoError(t, p[0].Put([]byte("first")))
		require.ErrorIs(t, p[2].Put([]byte("x")), ErrFull, "the second has waited as long")
		require.NoError(t, p[1].Put([]byte("second")))
		require.NoError(t, p[2].Put([]byte("x")), "nobody is in line")
	})
}

func TestReapingGivesThePlaceUp(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		l := inLine(t, r)
		l.release(t, 1)
		l.vacate(0)
		require.Equal(t, 1, l.first())
		require.Contains(t, l.woken(), 1)
		l.vacate(2)
		require.EqualValues(t, 1<<1, l.ctl.waiting[0].Load())
	})
}

// beatNow makes all owners look as if they had just beaten.
func (l *lined) beatNow() int64 {
	now := process.Monotonic()
	for i := range l.slots {
		l.slots[i].beatAt.Store(now)
		l.slots[i].interval.Store(int64(time.Second))
	}
	return now
}

func TestFirstThatLetsABeatGoByIsPassedAndComesAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		l := inLine(t, r)
		now := l.beatNow()
		require.Zero(t, l.Tend(0, now), "its need is not met")
		l.release(t, 1)
		l.bell[0] = l.p[0].waiter.Announce()
		seen := l.Tend(0, now)
		require.NotZero(t, seen)
		require.Contains(t, l.woken(), 0, "whoever should have woken it may have died")
		require.Zero(t, l.first())

		was := l.p[0].waiter.Doorbell().Load()
		require.Zero(t, l.Tend(seen, now))
		require.True(t, l.p[0].waiter.Passed())
		require.NotEqual(t, was, l.p[0].waiter.Doorbell().Load(), "it is told")
		require.Equal(t, 1, l.first())
		require.Contains(t, l.woken(), 1)

		l.p[0].Join(linedSize, l.Tail()) // it goes on
		require.False(t, l.p[0].waiter.Passed())
		put(t, l.p[1], text(linedSize, 0))
		require.Equal(t, 0, l.first(), "its ticket is the lowest")
	})
}

func TestFirstThatIsSilentIsPassedThoughItsNeedIsNotMet(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		l := inLine(t, r)
		now := l.beatNow()
		l.slots[1].beatAt.Store(now - int64(time.Minute))
		require.Zero(t, l.Tend(0, now))
		require.Equal(t, 1, l.first())
		for _, i := range []int{2, 3} {
			l.slots[i].beatAt.Store(now - int64(time.Minute))
		}
		require.Zero(t, l.Tend(0, now))
		require.Zero(t, l.Tend(0, now))
		if senders > 3 {
			require.Zero(t, l.Tend(0, now))
		}
	})
}

func TestNobodyIsHeldUpByATurnThatCannotBe(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		for what, bad := range map[string]uint64{
			"no such slot":        uint64(makeTurn(senders, 8, 2)),
			"no slot":             8 << 16,
			"nobody waits there":  uint64(makeTurn(2, 1000, 2)),
			"more than the ring":  uint64(makeTurn(1, MinCapacity, 2)),
			"all bits":            math.MaxUint64,
			"another's ticket":    uint64(makeTurn(1, RecordHeader+linedSize, 999<<1)),
			"a need beyond limit": uint64(makeTurn(1, math.MaxUint32*needUnit, 2)),
		} {
			t.Run(what, func(t *testing.T) {
				l := inLine(t, r)
				l.ctl.turn.Store(bad)
				l.release(t, 7)
				require.Equal(t, 0, l.first())
				for i := range l.p {
					put(t, l.p[i], text(linedSize, 0))
				}
				restart(r, 1<<20)
			})
		}
	})
}

func TestGarbageInSlotsAndBitsIsSurvived(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		l := inLine(t, r)
		for i := range l.ctl.waiting {
			l.ctl.waiting[i].Store(math.MaxUint64)
		}
		for i := range l.slots {
			l.slots[i].need.Store(math.MaxUint64)
			l.slots[i].ticket.Store(math.MaxUint64 - 1)
			l.slots[i].position.Store(uint64(i)<<3 | 1)
			l.slots[i].interval.Store(math.MinInt64)
		}
		l.ctl.line.position.Store(1)
		l.release(t, 1)
		l.Tend(Turn(l.ctl.turn.Load()), math.MaxInt64)
		l.WakeSenders()
		require.NotPanics(t, func() { l.vacate(0) })
	})
}
