package shm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClaimOfALiveSenderIsNeverSkipped(t *testing.T) {
	onWrecks(t, func(w *wreck) {
		copy(claim(w.t, w.p[0], 5), "alive")
		put(w.t, w.p[1], "behind")
		w.dead[1], w.dead[2] = true, true // no claim of theirs
		for range 3 {
			skipped, err := w.recover()
			require.NoError(w.t, err)
			require.False(w.t, skipped)
			require.Equal(w.t, []int{0}, w.asked, "only of the claimer")
		}
		w.p[0].Commit()
		w.msgs = []string{"alive", "behind"}
		w.check()
	})
}

func TestDeadClaimBeforeALiveOneEndsThere(t *testing.T) {
	onWrecks(t, func(w *wreck) {
		w.die(0, 200, last["in mid payload"])
		copy(claim(w.t, w.p[1], 4), "slow")
		w.send(2, "behind")
		msgs, skips := w.drain()
		require.Empty(w.t, msgs)
		require.Equal(w.t, w.skips, skips)
		require.Equal(w.t, w.p[1].pos, w.c.Position())

		w.p[1].Commit()
		msgs, skips = w.drain()
		require.Equal(w.t, []string{"slow", "behind"}, msgs)
		require.Empty(w.t, skips)
	})
}

// A sender that lost the compare-and-swap has the same intent as the one that won.
func TestLoserOfTheClaimHoldsTheSkipUpUntilItMovesOnOrDies(t *testing.T) {
	for what, moveOn := range map[string]func(w *wreck){
		"it claims elsewhere": func(w *wreck) { w.send(1, "a") },
		"it gives up":         func(w *wreck) { w.p[1].slot.intent.Store(noIntent) },
		"it dies":             func(w *wreck) { w.dead[1] = true },
	} {
		t.Run(what, func(t *testing.T) {
			onWrecks(t, func(w *wreck) {
				w.die(0, 100, last["after the tail moved"])
				w.p[1].slot.intent.Store(w.p[0].pos | 1)
				w.send(2, "b")
				skipped, err := w.recover()
				require.NoError(w.t, err)
				require.False(w.t, skipped, "the loser may be the winner")
				require.Equal(w.t, []int{0, 1}, w.asked)
				moveOn(w)
				w.check()
			})
		})
	}
}

func TestIntentsThatAreNoBoundariesHereAreIgnored(t *testing.T) {
	onWrecks(t, func(w *wreck) {
		r := w.r
		w.die(0, 400, last["in mid payload"])
		w.send(1, "a")
		h, tail := w.skips[0].from, r.Tail()
		for what, intent := range map[string]uint64{
			"just below head":      h - 16,
			"a lap below":          h + 64 - r.capacity,
			"far below":            h - 1<<40,
			"at tail":              tail,
			"above tail":           tail + 16,
			"far above":            tail + 1<<62,
			"as far as can be":     h + 1<<63,
			"no multiple of eight": h + 36,
			"nor of four":          h + 42,
		} {
			w.p[2].slot.intent.Store(intent | 1)
			msgs, skips := w.drain()
			require.Equal(w.t, w.skips, skips, what)
			require.Equal(w.t, w.msgs, msgs, what)
			r.ctl.head.Store(h) // back to where the claim was in flight
			w.c = newConsumer(w.t, r)
		}
	})
}

func TestClaimThatNobodyMadeIsCorruptAndNeverSkipped(t *testing.T) {
	onWrecks(t, func(w *wreck) {
		w.send(0, "a")
		w.die(0, 100, last["in mid payload"])
		put(w.t, w.p[1], "behind")
		w.p[0].slot.intent.Store(noIntent)
		for i := range w.p {
			w.dead[i] = true
		}
		take(w.t, w.c, "a")
		w.c.Release()
		for range 3 {
			skipped, err := w.recover()
			require.False(w.t, skipped)
			corrupt := requireCorrupt(w.t, err, "record.stamp")
			requireNamed(w.t, w.r, corrupt, w.r.offset+int64(w.skips[0].from&w.r.mask))
			require.Empty(w.t, w.asked)
		}
		require.Equal(w.t, w.skips[0].from, w.r.Head())
		require.Zero(w.t, w.r.ctl.skipped.Load())
	})
}

func TestStampThatComesBeforeTheSecondLookEndsTheSearch(t *testing.T) {
	onWrecks(t, func(w *wreck) {
		copy(claim(w.t, w.p[0], 1), "a")
		requireEmpty(w.t, w.c)
		requireInFlight(w.t, w.c, true)
		w.p[0].Commit()
		w.send(0, "b") // so the intent has moved on: there is no candidate any more
		skipped, err := w.c.Recover(w.kernel)
		require.NoError(w.t, err)
		require.False(w.t, skipped)
		require.Empty(w.t, w.asked)
		take(w.t, w.c, "a", "b")
	})
}

// The claimer commits, and only then dies, while the kernel is asked.
func TestStampThatComesBeforeTheDeathIsAMessage(t *testing.T) {
	onWrecks(t, func(w *wreck) {
		copy(claim(w.t, w.p[0], 1), "a")
		requireEmpty(w.t, w.c)
		skipped, err := w.c.Recover(func(int) bool {
			w.p[0].Commit()
			return true
		})
		require.NoError(w.t, err)
		require.False(w.t, skipped)
		w.msgs = []string{"a"}
		w.check()
	})
}

func TestClaimsMadeWhileTheKernelIsAskedAreNotSkipped(t *testing.T) {
	for what, meanwhile := range map[string]func(w *wreck){
		"one in flight":       func(w *wreck) { claim(w.t, w.p[1], 10) },
		"a message":           func(w *wreck) { put(w.t, w.p[1], "a") },
		"a batch, and flight": func(w *wreck) { batch(w.t, w.p[1], "a", "b"); claim(w.t, w.p[2], 10) },
	} {
		t.Run(what, func(t *testing.T) {
			onWrecks(t, func(w *wreck) {
				w.die(0, 10, last["after the tail moved"])
				requireEmpty(w.t, w.c)
				skipped, err := w.c.Recover(func(slot int) bool {
					meanwhile(w)
					return w.kernel(slot)
				})
				require.NoError(w.t, err)
				require.True(w.t, skipped)
				require.Equal(w.t, w.skips[0].to, w.c.Position())
			})
		})
	}
}

func TestSkipGivesBackNothingThatIsNotReleased(t *testing.T) {
	onWrecks(t, func(w *wreck) {
		w.send(1, "a")
		w.die(0, 100, last["in mid payload"])
		w.send(1, "b")
		head := w.r.Head()
		for range 2 { // what was not released comes again, and the claim is skipped again
			msgs, skips := w.drain()
			require.Equal(w.t, w.msgs, msgs)
			require.Equal(w.t, w.skips, skips)
			require.Equal(w.t, head, w.r.Head())
			w.c.Rewind()
		}
		require.False(w.t, w.r.settled(w.p[0].slot), "so its slot is still needed")
		w.drain()
		w.c.Release()
		require.True(w.t, w.r.settled(w.p[0].slot))
		w.c.Rewind()
		requireIdle(w.t, w.c)
	})
}

func TestSkipWithNothingUnreleasedGivesTheRoomBack(t *testing.T) {
	onWrecks(t, func(w *wreck) {
		w.die(0, 100, last["in mid payload"])
		skipped, err := w.recover()
		require.NoError(w.t, err)
		require.True(w.t, skipped)
		require.Equal(w.t, w.r.Tail(), w.r.Head())
		require.EqualValues(w.t, 1, w.r.ctl.skipped.Load())
	})
}

func TestRecoverOfNothing(t *testing.T) {
	onWrecks(t, func(w *wreck) {
		skipped, err := w.c.Recover(w.kernel)
		require.NoError(w.t, err)
		require.False(w.t, skipped)
		require.Empty(w.t, w.asked)
	})
}
