package shm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// span is a part of the ring: from, up to but not including to.
type span struct{ from, to uint64 }

// wreck is a ring whose senders die in the middle of operations, with what its
// receiver must find.
type wreck struct {
	t     *testing.T
	r     *Ring
	p     []*Producer
	c     *Consumer
	dead  map[int]bool
	msgs  []string // to be received
	skips []span   // to be skipped
	asked []int    // slots that the kernel was asked about
}

// onWrecks runs a test on both kinds of ring, at all starts.
func onWrecks(t *testing.T, test func(w *wreck)) {
	t.Helper()
	onBothFrom(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		test(&wreck{t: t, r: r, p: p, c: c, dead: map[int]bool{}})
	})
}

// kernel reports whether the owner of a slot is dead.
func (w *wreck) kernel(slot int) bool {
	w.asked = append(w.asked, slot)
	return w.dead[slot]
}

// send sends a message that will be received.
func (w *wreck) send(slot int, msg string) {
	w.t.Helper()
	put(w.t, w.p[slot], msg)
	w.msgs = append(w.msgs, msg)
}

func (w *wreck) sendBatch(slot int, msgs ...string) {
	w.t.Helper()
	batch(w.t, w.p[slot], msgs...)
	w.msgs = append(w.msgs, msgs...)
}

// die opens a claim, continues it as far as how says, and dies.
func (w *wreck) die(slot, n int, how func(p *Producer, payload []byte)) {
	w.t.Helper()
	b := claim(w.t, w.p[slot], n)
	how(w.p[slot], b)
	w.dead[slot] = true
	w.skips = append(w.skips, span{w.p[slot].pos, w.p[slot].next})
}

// recover calls Recover as a receiver does, after ErrEmpty.
func (w *wreck) recover() (bool, error) {
	w.t.Helper()
	requireEmpty(w.t, w.c)
	requireInFlight(w.t, w.c, true)
	w.asked = nil
	return w.c.Recover(w.kernel)
}

// drain receives every message and skips every claim that can be skipped.
func (w *wreck) drain() (msgs []string, skips []span) {
	w.t.Helper()
	for {
		if msg, err := w.c.Next(); err == nil {
			msgs = append(msgs, string(msg))
			continue
		}
		requireEmpty(w.t, w.c)
		if inFlight, err := w.c.InFlight(); err != nil || !inFlight {
			require.NoError(w.t, err)
			return msgs, skips
		}
		from := w.c.Position()
		skipped, err := w.recover()
		require.NoError(w.t, err)
		if !skipped {
			return msgs, skips
		}
		skips = append(skips, span{from, w.c.Position()})
	}
}

// check drains the ring, and checks that exactly the expected messages were received
// and exactly the expected claims skipped.
func (w *wreck) check() {
	w.t.Helper()
	msgs, skips := w.drain()
	require.Equal(w.t, w.skips, skips)
	require.Equal(w.t, w.msgs, msgs)
	require.EqualValues(w.t, len(w.skips), w.r.ctl.skipped.Load())
	w.c.Release()
	require.Equal(w.t, w.r.Tail(), w.r.Head())
}

// last are the places between tail's move and the stamp at which a sender may die.
var last = map[string]func(p *Producer, payload []byte){
	"after the tail moved": func(*Producer, []byte) {},
	"in mid payload":       func(_ *Producer, b []byte) { copy(b, text(len(b)/2, 9)) },
	"after the payload":    func(_ *Producer, b []byte) { copy(b, text(len(b), 9)) },
	"after the length": func(p *Producer, b []byte) {
		copy(b, text(len(b), 9))
		p.ring.word(p.pos + 8).Store(uint64(makeMeta(p.payload, p.index, kindData)))
	},
}

func TestDeadClaimIsSkippedToItsEndWhateverFollows(t *testing.T) {
	follow := map[string]func(w *wreck, die func(slot, n int)){
		"nothing":                         func(*wreck, func(int, int)) {},
		"a message":                       func(w *wreck, _ func(int, int)) { w.send(1, "a") },
		"messages by one sender":          func(w *wreck, _ func(int, int)) { w.send(1, "a"); w.send(1, text(200, 1)); w.send(1, "") },
		"messages by two":                 func(w *wreck, _ func(int, int)) { w.send(1, "a"); w.send(2, "b"); w.send(1, "c") },
		"a batch":                         func(w *wreck, _ func(int, int)) { w.sendBatch(1, "a", text(100, 2), "b") },
		"a batch and a message":           func(w *wreck, _ func(int, int)) { w.sendBatch(1, "a", "b"); w.send(1, "c") },
		"an aborted claim":                func(w *wreck, _ func(int, int)) { claim(w.t, w.p[1], 70); w.p[1].Abort(); w.send(1, "a") },
		"another dead claim":              func(_ *wreck, die func(int, int)) { die(1, 50) },
		"a dead claim and a message":      func(w *wreck, die func(int, int)) { die(1, 50); w.send(2, "a") },
		"a message, then a dead claim":    func(w *wreck, die func(int, int)) { w.send(2, "a"); die(1, 50) },
		"two dead claims":                 func(_ *wreck, die func(int, int)) { die(1, 50); die(2, 0) },
		"a message between two, one more": func(w *wreck, die func(int, int)) { w.send(1, "a"); die(2, 9); w.sendBatch(1, "b", "c") },
	}
	for where, how := range last {
		for what, next := range follow {
			t.Run(where+", then "+what, func(t *testing.T) {
				onWrecks(t, func(w *wreck) {
					w.send(0, "before")
					w.die(0, 300, how) // over the wrap, at most starts
					next(w, func(slot, n int) { w.die(slot, n, how) })
					w.check()
				})
			})
		}
	}
}

func TestDeadClaimsOfEverySizeAtEveryOffset(t *testing.T) {
	r := mappedRing(t, 0)
	for off := uint64(0); off < r.capacity; off += 104 {
		for _, n := range []int{0, 1, 8, 100, r.MaxMessage()} {
			restart(r, lap(r)+off)
			p, c := ends(t, r)
			w := &wreck{t: t, r: r, p: p, c: c, dead: map[int]bool{}}
			w.die(1, n, last["after the length"])
			w.send(0, text(n/2, 1))
			w.die(2, n/3, last["in mid payload"])
			w.check()
		}
	}
}

func TestDeathBeforeTheTailMovedLeavesNothingToSkip(t *testing.T) {
	onWrecks(t, func(w *wreck) {
		w.dead[0], w.dead[1] = true, true // 0 has read tail, 1 has also stored its intent
		w.p[1].slot.intent.Store(w.r.Tail() | 1)
		requireIdle(w.t, w.c)
		skipped, err := w.c.Recover(w.kernel)
		require.NoError(w.t, err)
		require.False(w.t, skipped)
		w.send(2, "a")
		w.send(2, "b")
		w.check()
	})
}

func TestDeathAfterTheStampLosesNothing(t *testing.T) {
	onWrecks(t, func(w *wreck) {
		w.send(0, text(300, 1))
		w.sendBatch(1, "a", "b")
		w.dead[0], w.dead[1] = true, true
		w.check()
		require.Empty(w.t, w.asked)
	})
}

func TestLargestDeadClaimInAFullRing(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		w := &wreck{t: t, r: r, p: p, c: c, dead: map[int]bool{}}
		w.die(0, r.MaxMessage(), last["in mid payload"])
		w.send(1, text(int(r.capacity-r.Tail())-RecordHeader, 1))
		require.Equal(t, r.capacity, r.Tail()-r.Head())
		w.check()
	})
}

func TestPayloadThatLooksLikeStampsOfOtherPlacesIsNoBoundary(t *testing.T) {
	onWrecks(t, func(w *wreck) {
		r := w.r
		w.die(0, 800, func(p *Producer, b []byte) {
			from := p.pos + RecordHeader
			for at := uint64(0); at < uint64(len(b)); at += 8 {
				here := from + at
				lie := []uint64{
					r.stampAt(here - r.capacity), r.stampAt(here + r.capacity), r.stampAt(here - 8), r.stampAt(here + 8),
					r.stampAt(here) &^ 1, r.stampAt(here) | 2, here, r.stampAt(p.pos), r.stampAt(p.next),
				}
				r.word(here).Store(lie[at/8%uint64(len(lie))])
			}
		})
		w.send(1, "a")
		w.send(1, "b")
		w.check()
	})
}

// Bytes of earlier laps are no boundaries either.
func TestStaleRecordsUnderADeadClaimAreNoBoundary(t *testing.T) {
	onWrecks(t, func(w *wreck) {
		for range 3 * w.r.capacity / 32 {
			put(w.t, w.p[1], "stale")
			take(w.t, w.c, "stale")
			w.c.Release()
		}
		w.die(0, 1000, last["after the tail moved"])
		w.send(1, "a")
		w.send(1, "b")
		w.check()
	})
}

func TestSkippedClaimThatIsRewoundOverCountsOnce(t *testing.T) {
	onBothFrom(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		put(t, p[0], "held")
		claim(t, p[1], 100)
		put(t, p[0], "behind")
		for range 3 {
			take(t, c, "held")
			requireEmpty(t, c)
			skipped, err := c.Recover(func(int) bool { return true })
			require.NoError(t, err)
			require.True(t, skipped)
			take(t, c, "behind")
			c.Rewind()
		}
		require.EqualValues(t, 1, r.ctl.skipped.Load())
		c = newConsumer(t, r) // the previous receiver died
		take(t, c, "held")
		requireEmpty(t, c)
		_, err := c.Recover(func(int) bool { return true })
		require.NoError(t, err)
		take(t, c, "behind")
		c.Release()
		require.EqualValues(t, 1, r.ctl.skipped.Load())
		require.EqualValues(t, 2, r.ctl.received.Load())
	})
}
