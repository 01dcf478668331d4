package shm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// onPlaces runs a test of where a receiver resumes, on both kinds of ring, at all
// starts.
func onPlaces(t *testing.T, test func(t *testing.T, r *Ring, p []*Producer, c *Consumer)) {
	t.Helper()
	onBothFrom(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		test(t, r, p, c)
	})
}

func TestRewindGoesBackToWhatWasNotReleased(t *testing.T) {
	onPlaces(t, func(t *testing.T, _ *Ring, p []*Producer, c *Consumer) {
		put(t, p[0], "a", "b")
		claim(t, p[1], 5)
		p[1].Abort()
		put(t, p[0], "c")
		take(t, c, "a")
		c.Release()
		take(t, c, "b", "c")
		c.Rewind()
		require.Zero(t, c.Unreleased())
		take(t, c, "b", "c")
		c.Release()
		c.Rewind()
		requireIdle(t, c)
	})
}

func TestRewindIntoTheMiddleOfABatch(t *testing.T) {
	onPlaces(t, func(t *testing.T, _ *Ring, p []*Producer, c *Consumer) {
		batch(t, p[0], "a", "b", "c", "d")
		put(t, p[1], "e")
		take(t, c, "a", "b")
		c.Release()
		take(t, c, "c", "d", "e")
		c.Rewind()
		take(t, c, "c")
		c.Rewind()
		take(t, c, "c", "d", "e")
		requireIdle(t, c)
	})
}

func TestReceiverThatReleasedNothingIsFollowedByOneThatSeesAllAgain(t *testing.T) {
	onPlaces(t, func(t *testing.T, r *Ring, p []*Producer, c *Consumer) {
		put(t, p[0], "a")
		batch(t, p[0], "b", "c")
		take(t, c, "a", "b")
		take(t, newConsumer(t, r), "a", "b", "c")
	})
}

func TestNextReceiverGoesOnAtTheReleasedHead(t *testing.T) {
	onPlaces(t, func(t *testing.T, r *Ring, p []*Producer, c *Consumer) {
		put(t, p[0], "a", "b", "c")
		take(t, c, "a", "b")
		c.Release()
		take(t, c, "c") // not released
		take(t, newConsumer(t, r), "c")
	})
}

func TestNextReceiverGoesOnInTheMiddleOfABatch(t *testing.T) {
	msgs := []string{"a", "", text(30, 0), "d"}
	for taken := range len(msgs) + 1 {
		t.Run("after "+msgs[max(taken-1, 0)], func(t *testing.T) {
			onPlaces(t, func(t *testing.T, r *Ring, p []*Producer, c *Consumer) {
				put(t, p[1], "before") // so that head has moved on to the batch
				batch(t, p[0], msgs...)
				put(t, p[1], "after")
				take(t, c, "before")
				take(t, c, msgs[:taken]...)
				c.Release()
				take(t, c, append(msgs[taken:len(msgs):len(msgs)], "after")...) // not released

				c = newConsumer(t, r)
				require.True(t, c.Ready())
				c.Rewind()
				take(t, c, msgs[taken:]...)
				c.Rewind()
				take(t, c, msgs[taken:]...)
				c.Release()
				take(t, newConsumer(t, r), "after")
			})
		})
	}
}

func TestReceiversOneAfterAnotherShareABatch(t *testing.T) {
	onPlaces(t, func(t *testing.T, r *Ring, p []*Producer, c *Consumer) {
		batch(t, p[0], "a", "b", "c", "d")
		batch(t, p[0], "e", "f")
		for _, msg := range []string{"a", "b", "c", "d", "e", "f"} {
			take(t, c, msg)
			c.Release()
			c = newConsumer(t, r)
		}
		requireIdle(t, c)
		require.Equal(t, r.Tail(), r.Head())
		require.EqualValues(t, 6, r.ctl.received.Load())
		require.EqualValues(t, 6, r.ctl.receivedBytes.Load())
	})
}

func TestReleaseByAReceiverThatTookNothingKeepsThePlaceInABatch(t *testing.T) {
	onPlaces(t, func(t *testing.T, r *Ring, p []*Producer, c *Consumer) {
		batch(t, p[0], "a", "b", "c")
		take(t, c, "a", "b")
		c.Release()
		c = newConsumer(t, r)
		c.Release()
		take(t, newConsumer(t, r), "c")
	})
}

// The place in a batch is tagged with only some bits of the batch's position, so the
// mark must not remain until another batch has the same tag.
func TestFinishedBatchLeavesNoMark(t *testing.T) {
	onPlaces(t, func(t *testing.T, r *Ring, p []*Producer, c *Consumer) {
		batch(t, p[0], "a", "b")
		take(t, c, "a")
		c.Release()
		require.NotZero(t, r.ctl.cursor.Load())
		take(t, c, "b")
		c.Release()
		require.Zero(t, r.ctl.cursor.Load())

		batch(t, p[0], "c", "d")
		take(t, c, "c")
		c.Release()
		c = newConsumer(t, r)
		take(t, c, "d")
		c.Release()
		require.Zero(t, r.ctl.cursor.Load(), "also when another receiver has made it")
	})
}

// A receiver that died while it stored its place left one that does not match head.
func TestMarkThatIsNotOfTheRecordAtHeadIsIgnored(t *testing.T) {
	onPlaces(t, func(t *testing.T, r *Ring, p []*Producer, _ *Consumer) {
		batch(t, p[0], "a", "b")
		second := r.Tail()
		batch(t, p[0], "c", "d")
		r.ctl.cursor.Store(cursorTag(second)<<32 | 1)
		c := newConsumer(t, r)
		take(t, c, "a", "b")
		c.Release()
		require.Zero(t, r.ctl.cursor.Load(), "it is cleared before it meets a batch by chance")
	})
}

func TestMarkOfARecordThatIsNoBatchIsIgnored(t *testing.T) {
	for what, release := range map[string]bool{"in one go": false, "released in between": true} {
		t.Run(what, func(t *testing.T) {
			onPlaces(t, func(t *testing.T, r *Ring, p []*Producer, _ *Consumer) {
				r.ctl.cursor.Store(cursorTag(r.Head())<<32 | 1)
				put(t, p[0], "a")
				batch(t, p[0], "b", "c")
				c := newConsumer(t, r)
				take(t, c, "a")
				if release {
					c.Release()
				}
				take(t, c, "b", "c")
			})
		})
	}
}

func TestMarkBeyondTheBatchEndsWithIt(t *testing.T) {
	onPlaces(t, func(t *testing.T, r *Ring, p []*Producer, c *Consumer) {
		batch(t, p[0], "a", "b")
		put(t, p[0], "c")
		r.ctl.cursor.Store(cursorTag(r.Head())<<32 | 1<<31)
		take(t, newConsumer(t, r), "c")
	})
}

func TestRoomOfABatchComesBackWithItsLastMessage(t *testing.T) {
	onPlaces(t, func(t *testing.T, r *Ring, p []*Producer, c *Consumer) {
		head := r.Head()
		batch(t, p[0], "a", "b")
		take(t, c, "a")
		c.Release()
		require.Equal(t, head, r.Head())
		require.EqualValues(t, 1, r.progress().messages)
		take(t, c, "b")
		c.Release()
		require.Equal(t, r.Tail(), r.Head())
	})
}

func TestProducerKnowsWhereItsLastMessageEnds(t *testing.T) {
	onPlaces(t, func(t *testing.T, r *Ring, p []*Producer, c *Consumer) {
		put(t, p[0], "a")
		end := p[0].End()
		require.Equal(t, r.Tail(), end)
		put(t, p[1], "b")
		require.Equal(t, end, p[0].End())
		take(t, c, "a")
		require.Equal(t, end, c.Position())
		c.Release()
		require.Equal(t, end, r.Head())
		claim(t, p[0], 30)
		require.Equal(t, end, p[0].End())
		p[0].Abort()
		require.Equal(t, end, p[0].End(), "nobody receives it")
		batch(t, p[0], "c", "d")
		require.Equal(t, r.Tail(), p[0].End())
	})
}
