package shm

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/process"
)

// A dead sender's slot may be reused once recovery no longer needs it.
func TestSlotIsSettledOnceRecoveryNoLongerNeedsIt(t *testing.T) {
	onBothFrom(t, func(t *testing.T, r *Ring) {
		start := r.Head()
		p, c := ends(t, r)
		put(t, p[0], text(100, 1))
		take(t, c, text(100, 1))
		c.Release()
		head := r.Head()
		committed := r.Tail()
		put(t, p[1], "committed")
		flight := r.Tail()
		claim(t, p[2], 10)
		tail := r.Tail()
		s := p[0].slot
		for what, test := range map[string]struct {
			intent uint64
			want   bool
		}{
			"no intent":                         {noIntent, true},
			"below head":                        {start | 1, true},
			"far below head":                    {head - 1<<62 | 1, true},
			"at head, committed":                {committed | 1, true},
			"in flight":                         {flight | 1, false},
			"in flight, not at a boundary":      {flight + 16 | 1, false},
			"above head, not at a multiple":     {committed + 4 | 1, false},
			"inside of a committed record":      {committed + 8 | 1, false},
			"at tail: the death came before it": {tail | 1, true},
			"above tail":                        {tail + 64 | 1, true},
			"as far above as can be":            {tail + 1<<62 | 1, true},
		} {
			s.intent.Store(test.intent)
			require.Equal(t, test.want, r.settled(s), what)
		}
		// The receiver's own position does not count, only the published head.
		s.intent.Store(committed | 1)
		r.word(committed).Store(0)
		require.False(t, r.settled(s))
		r.word(committed).Store(r.stampAt(committed))
		take(t, c, "committed")
		require.Equal(t, head, r.Head())
		s.intent.Store(flight | 1)
		require.False(t, r.settled(s))
	})
}

func TestSlotOfASkippedClaimIsSettledOnceTheSkipIsPublished(t *testing.T) {
	onWrecks(t, func(w *wreck) {
		w.send(1, "a")
		w.die(0, 10, last["in mid payload"])
		take(w.t, w.c, "a")
		skipped, err := w.recover()
		require.NoError(w.t, err)
		require.True(w.t, skipped)
		require.False(w.t, w.r.settled(w.p[0].slot))
		w.c.Release()
		require.True(w.t, w.r.settled(w.p[0].slot))
	})
}

func TestSlotSaysWhoOwnsIt(t *testing.T) {
	r := NewHeapRing(1, 1, 0)
	s := &r.slots[1]
	s.intent.Store(17) // left by an earlier owner
	o := Owner{Process: process.Identity{PID: 4711, NS: 12, Start: 99}, Label: "worker ∞"}
	s.occupy(o, 1024, int64(time.Second), 77)
	e := Endpoint{r, s, false}
	require.True(t, e.Live())
	require.Equal(t, o, e.Owner())
	require.EqualValues(t, noIntent, s.intent.Load())
	require.EqualValues(t, 1, e.Generation())
	at, interval := e.LastBeat()
	require.EqualValues(t, 77, at)
	require.Equal(t, time.Second, interval)

	beats := e.Beats()
	e.Beat(80)
	require.Equal(t, beats+1, e.Beats())
	at, _ = e.LastBeat()
	require.EqualValues(t, 80, at)

	e.ring.vacate(0)
	require.False(t, e.Live())
	s.occupy(Owner{}, 2048, 0, 0)
	require.Equal(t, Owner{}, e.Owner(), "nothing is left of the owner before")
	require.EqualValues(t, 2, e.Generation())
}

func TestOwnerIsToldByThePositionOfItsMessage(t *testing.T) {
	for name, start := range starts {
		t.Run(name, func(t *testing.T) {
			s := new(slot)
			for i, pid := range []int{10, 11, 12} {
				s.occupy(Owner{Process: process.Identity{PID: pid}}, start+uint64(1000*i), 1, 1)
			}
			for offset, want := range map[uint64]int{0: 0, 999: 0, 1000: 11, 1999: 11, 2000: 12, 1 << 40: 12} {
				require.Equal(t, want, s.ownerAt(start+offset), offset)
			}
		})
	}
	first := new(slot)
	first.occupy(Owner{Process: process.Identity{PID: 10}}, 5000, 1, 1)
	require.Equal(t, 10, first.ownerAt(5000))
	require.Zero(t, first.ownerAt(4999), "nobody had it before")
}

func TestVacatedSlotAddsItsCountsToThoseOfTheGone(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		occupied(r, 0, 1)
		p, _ := ends(t, r)
		put(t, p[0], "abc", "de")
		p[0].slot.intent.Store(17)
		r.vacate(0)
		require.EqualValues(t, 2, r.ctl.gone.Load())
		require.EqualValues(t, 5, r.ctl.goneBytes.Load())
		require.Zero(t, p[0].slot.messages.Load())
		require.Zero(t, p[0].slot.bytes.Load())
		require.EqualValues(t, noIntent, p[0].slot.intent.Load())
		require.EqualValues(t, slotFree, p[0].slot.state.Load())
	})
}

func TestLabels(t *testing.T) {
	s := new(slot)
	for _, label := range []string{"", "a", "two words", strings.Repeat("x", MaxLabel), strings.Repeat("ü", MaxLabel/2)} {
		require.True(t, ValidLabel(label))
		s.setLabel(label)
		require.Equal(t, label, s.getLabel())
	}
	for _, label := range []string{strings.Repeat("x", MaxLabel+1), "\xff", "a\nb", "a\x00b", "\u202e"} {
		require.False(t, ValidLabel(label), "%q", label)
	}
}

func TestLabelThatNoCorrectEndWritesIsNotShown(t *testing.T) {
	s := new(slot)
	for what, bytes := range map[string]string{
		"not UTF-8":         "\xff",
		"an escape":         "\x1b",
		"a newline between": "a\nb",
	} {
		s.setLabel("")
		copy(slotBytes(s)[0xd0:], bytes)
		require.Equal(t, "?", s.getLabel(), what)
	}
	s.setLabel(strings.Repeat("x", 9))
	s.label[0].Store(0)
	require.Empty(t, s.getLabel(), "it ends at the first NUL")
}

func TestEndTellsTheClaimInFlight(t *testing.T) {
	r := NewHeapRing(1, senders, 0)
	p, c := ends(t, r)
	e := Endpoint{r, p[0].slot, false}
	requireClaiming := func(want bool) {
		t.Helper()
		pos, ok := e.Claiming()
		require.Equal(t, want, ok)
		if ok {
			require.Equal(t, p[0].pos, pos)
		}
	}
	requireClaiming(false)
	put(t, p[1], "before")
	claim(t, p[0], 10)
	requireClaiming(true)
	p[0].Commit()
	requireClaiming(false)
	claim(t, p[0], 10)
	requireClaiming(true)
	for _, stray := range []uint64{r.Tail(), r.Head() - 16, p[0].pos + 4, 1 << 63} {
		p[0].slot.intent.Store(stray | 1)
		requireClaiming(false)
	}
	p[0].slot.intent.Store(p[0].pos | 1)
	take(t, c, "before")
	requireClaiming(true)
}
