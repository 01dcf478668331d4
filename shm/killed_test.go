//go:build linux && !race

package shm

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/filelock"
	"github.com/shmchan/shmchan/internal/test/proctest"
)

// justBelowAPage is a position whose record has its stamp on the ring's first page
// and the rest on the second.
var justBelowAPage = uint64(os.Getpagesize()) - 8

const firstPage, secondPage = ringPages, ringPages + 1

func TestSenderKilledBeforeTailMovesHasStoredItsIntent(t *testing.T) {
	g := newGlass(t, beforeHead, beforeBeat, 0)
	p := g.NewProducer(0, true)
	g.killedStoring(controlLow, func() { _, _ = p.Claim(10) })
	require.Zero(t, g.Tail())
	require.EqualValues(t, 1, p.slot.intent.Load())
}

func TestSenderKilledBeforeItsIntentHasMovedNothing(t *testing.T) {
	g := newGlass(t, beforeHead, beforeBeat, 0)
	p := g.NewProducer(0, true)
	g.killedStoring(slotsLow, func() { _, _ = p.Claim(10) })
	require.Zero(t, g.Tail())
}

func TestSenderKilledBeforeTheStampHasStoredAllElseAndHoldsItsIntent(t *testing.T) {
	g := newGlass(t, beforeHead, beforeBeat, justBelowAPage)
	g.align = recordAlign
	p := g.NewProducer(0, true)
	copy(claim(t, p, 3), "abc")
	g.killedStoring(firstPage, p.Commit)
	require.Equal(t, makeMeta(3, 0, kindData), meta(g.word(justBelowAPage+8).Load()))
	require.Equal(t, justBelowAPage|1, p.slot.intent.Load())
	require.Greater(t, g.Tail(), justBelowAPage)
	requireEmpty(t, newConsumer(t, g.Ring))
}

func TestSenderKilledBeforeTheLengthHasNotStamped(t *testing.T) {
	for what, finish := range map[string]func(p *Producer){
		"commit": (*Producer).Commit,
		"abort":  (*Producer).Abort,
	} {
		t.Run(what, func(t *testing.T) {
			g := newGlass(t, beforeHead, beforeBeat, justBelowAPage)
			g.align = recordAlign
			p := g.NewProducer(0, true)
			claim(t, p, 3)
			g.killedStoring(secondPage, func() { finish(p) })
			requireEmpty(t, newConsumer(t, g.Ring))
		})
	}
}

func TestSenderKilledInABatchHasNotStamped(t *testing.T) {
	g := newGlass(t, beforeHead, beforeBeat, justBelowAPage-RecordHeader)
	g.align = recordAlign
	p := g.NewProducer(0, true)
	g.killedStoring(secondPage, func() { _, _ = p.PutBatch(raw("first", "second", "third")) })
	requireEmpty(t, newConsumer(t, g.Ring))
	require.Equal(t, (justBelowAPage-RecordHeader)|1, p.slot.intent.Load())
}

func TestSenderReadsTailBeforeHead(t *testing.T) {
	g := newGlass(t, beforeHead, beforeBeat, 0)
	p := g.NewProducer(0, true)
	g.ctl.tail.Store(g.capacity) // full, so it looks at head
	order := g.order(func() { _, _ = p.Claim(10) }, controlLow, controlHigh)
	require.Equal(t, []int{controlLow, controlHigh}, order)
}

func TestReceiverReadsTheStampBeforeTheRest(t *testing.T) {
	g := newGlass(t, beforeHead, beforeBeat, justBelowAPage)
	g.align = recordAlign
	p, c := ends(t, g.Ring)
	next := func() { _, _ = c.Next() }
	require.Equal(t, []int{firstPage}, g.order(next, firstPage, secondPage), "without a stamp nothing else counts")
	put(t, p[0], "abc")
	require.Equal(t, []int{firstPage, secondPage}, g.order(next, firstPage, secondPage))
}

// Release is killed after it has moved head but before it has moved its place in a
// batch, or vice versa. What was released before must not be received again.
func TestReceiverKilledInReleaseKeepsWhatWasReleasedBefore(t *testing.T) {
	for what, page := range map[string]int{"before head": controlLow, "before the place in the batch": controlHigh} {
		for then, more := range map[string]int{"at the end of the batch": 2, "in the middle of the next one": 3} {
			t.Run(what+", "+then, func(t *testing.T) {
				g := newGlass(t, beforeCursor, beforeBeat, 0)
				p, c := ends(t, g.Ring)
				batch(t, p[0], "a", "b", "c")
				batch(t, p[0], "d", "e")
				take(t, c, "a")
				c.Release()
				take(t, c, []string{"b", "c", "d"}[:more]...)
				g.killedStoring(page, c.Release)
				msg, err := newConsumer(t, g.Ring).Next()
				require.NoError(t, err)
				require.NotEqual(t, "a", string(msg))
			})
		}
	}
}

func TestReceiverReadsStampsAfterIntentsAndIntentsAfterTail(t *testing.T) {
	g := newGlass(t, beforeHead, beforeBeat, justBelowAPage)
	g.align = recordAlign
	p, c := ends(t, g.Ring)
	claim(t, p[0], 500)
	put(t, p[1], "a")
	var skipped bool
	order := g.order(func() {
		skipped, _ = c.Recover(func(int) bool { return true })
	}, controlLow, slotsLow, slotsHigh, firstPage, secondPage)
	require.Equal(t, []int{controlLow, slotsLow, slotsHigh, firstPage, secondPage}, order)
	require.True(t, skipped)
	take(t, c, "a")
}

func TestReaperReadsIntentThenHeadThenTailThenStamp(t *testing.T) {
	amd64Only(t)
	g := newGlass(t, beforeHead, beforeBeat, 0)
	p := g.NewProducer(0, true)
	put(t, p, "a")
	var settled bool
	order := g.order(func() { settled = g.settled(p.slot) }, controlLow, controlHigh, slotsLow, firstPage)
	require.Equal(t, []int{slotsLow, controlHigh, controlLow, firstPage}, order)
	require.True(t, settled)
}

func TestSlotHasNoIntentWhileItIsFreeAndWhenItGoesLive(t *testing.T) {
	g := newGlass(t, beforeHead, beforeState, 0)
	s := &g.slots[1]
	s.intent.Store(17)
	g.killedStoring(slotsLow, func() { s.occupy(Owner{}, 0, 5, 6) })
	require.EqualValues(t, slotFree, s.state.Load(), "live before its old intent was cleared")

	occupied(g.Ring, 0, 100)
	s.intent.Store(17)
	g.killedStoring(slotsHigh, func() { g.vacate(0) })
	require.EqualValues(t, noIntent, s.intent.Load())
}

// Only the lock proves the death: an intent or a tail read before it may precede the
// last claim.
func TestSlotOfSomebodyAliveIsNotLookedInto(t *testing.T) {
	g := newGlass(t, beforeHead, beforeState, 0)
	occupied(g.Ring, 0, 100)
	for i := range senders {
		g.slots[1+i].state.Store(slotLive)
	}
	path := filepath.Join(proctest.Dir(t), "locks")
	open := func() int {
		fd, err := unix.Open(path, unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, unix.Close(fd)) })
		return fd
	}
	owner, reaper := open(), &Segment{ring: g.Ring, fd: open()}
	require.NoError(t, os.Remove(path))
	locked, err := filelock.TryLock(owner, senderByte(0), senders)
	require.NoError(t, err)
	require.True(t, locked)

	for what, look := range map[string]func() error{
		"reap":   func() error { _, _, err := reaper.Reap(0); return err },
		"attach": func() error { _, err := reaper.AttachSender(Owner{}, 1); return err },
	} {
		t.Run(what, func(t *testing.T) {
			for _, page := range []int{controlLow, controlHigh, slotsLow, firstPage} {
				g.permit(page, unix.PROT_NONE)
			}
			require.Equal(t, -1, g.stopped(func() { err = look() }))
			if what == "attach" {
				require.ErrorIs(t, err, ErrNoSlot)
			} else {
				require.NoError(t, err)
			}
		})
	}
}
