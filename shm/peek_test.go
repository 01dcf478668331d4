package shm

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

// twin returns a ring with the same words and bytes, on the heap.
func twin(r *Ring) *Ring {
	t := *r
	data := append([]byte(nil), r.data[:r.capacity]...)
	if r.mirrored {
		data = append(data, data...)
	}
	t.setData(data, r.capacity)
	t.ctl, t.slots = new(control), make([]slot, len(r.slots))
	t.ctl.tail.Store(r.ctl.tail.Load())
	t.ctl.head.Store(r.ctl.head.Load())
	t.ctl.cursor.Store(r.ctl.cursor.Load())
	t.ctl.received.Store(r.ctl.received.Load())
	t.ctl.base.Store(r.ctl.base.Load())
	for i := range r.slots {
		from, to := &r.slots[i], &t.slots[i]
		to.intent.Store(from.intent.Load())
		to.pid.Store(from.pid.Load())
		to.since.Store(from.since.Load())
	}
	return &t
}

type seen struct {
	msg string
	Origin
}

// received is what a new receiver gets; it reads a twin, which it changes.
func received(t tester, r *Ring, dead func(int) bool) (all []seen) {
	t.Helper()
	c := newConsumer(t, twin(r))
	for {
		msg, err := c.Next()
		if err == nil {
			all = append(all, seen{string(msg), c.Origin()})
			continue
		}
		require.ErrorIs(t, err, ErrEmpty)
		inFlight, err := c.InFlight()
		require.NoError(t, err)
		if !inFlight {
			return all
		}
		if skipped, err := c.Recover(dead); !skipped {
			require.NoError(t, err)
			return all
		}
	}
}

func peeked(t tester, r *Ring, dead func(int) bool) (all []seen) {
	t.Helper()
	p, err := r.NewPeeker(dead)
	require.NoError(t, err)
	for {
		msg, from, err := p.Next()
		if err != nil {
			require.ErrorIs(t, err, ErrEmpty)
			return all
		}
		all = append(all, seen{string(msg), from})
	}
}

// Whatever senders and receiver did, killed ones too, a walk finds what a new
// receiver would get.
func TestPeekFindsWhatAReceiverWouldGet(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		rapid.Check(t, func(t *rapid.T) {
			m := newMachine(t, r)
			actions := rapid.StateMachineActions(m)
			actions[""] = func(t *rapid.T) {
				dead := func(slot int) bool { return m.dead[slot] }
				require.Equal(t, received(t, r, dead), peeked(t, r, dead))
			}
			t.Repeat(actions)
		})
	})
}

func TestPeekPassesDeadClaimsAndStopsAtLiveOnes(t *testing.T) {
	onWrecks(t, func(w *wreck) {
		w.send(0, "a")
		w.die(0, 300, last["in mid payload"])
		w.sendBatch(1, "b", "", "c")
		head := w.r.Head()
		claim(t, w.p[2], 10)
		w.p[1].Put([]byte("behind a claim in flight"))
		got := peeked(w.t, w.r, func(slot int) bool { return w.dead[slot] })
		require.Equal(w.t, []string{"a", "b", "", "c"}, texts(got))
		require.EqualValues(w.t, 1, got[0].Seq)
		require.EqualValues(w.t, 4, got[3].Seq)
		require.Equal(w.t, 2, got[3].Index)
		require.Equal(w.t, head, w.r.Head())
		require.Zero(w.t, w.r.ctl.skipped.Load())
	})
}

func texts(all []seen) (msgs []string) {
	for _, s := range all {
		msgs = append(msgs, s.msg)
	}
	return msgs
}

func TestPeekGoesNoFurtherThanWhereItBegan(t *testing.T) {
	r := mappedRing(t, 0)
	p, _ := ends(t, r)
	put(t, p[0], "a", "b")
	walk, err := r.NewPeeker(nil)
	require.NoError(t, err)
	put(t, p[0], "c")
	for _, want := range []string{"a", "b"} {
		msg, _, err := walk.Next()
		require.NoError(t, err)
		require.Equal(t, want, string(msg))
	}
	for range 2 {
		_, _, err = walk.Next()
		require.ErrorIs(t, err, ErrEmpty)
	}
}

// A walk omits what the receiver takes and senders overwrite while it is copied.
func TestPeekNoticesWhatWasOverwrittenWhileItWasCopied(t *testing.T) {
	r := mappedRing(t, 0)
	p, c := ends(t, r)
	put(t, p[0], "first", text(2000, 1), "third")
	walk, err := r.NewPeeker(nil)
	require.NoError(t, err)
	msg, from, err := walk.Next()
	require.NoError(t, err)
	require.Equal(t, "first", string(msg))
	require.EqualValues(t, 1, from.Seq)

	// As if while the second one is copied.
	_, _, payload, err := walk.record()
	require.NoError(t, err)
	require.Equal(t, text(2000, 1), string(payload))
	take(t, c, "first", text(2000, 1))
	c.Release()
	put(t, p[1], text(2000, 2)) // over the first two
	moved, err := walk.moved()
	require.NoError(t, err)
	require.True(t, moved)

	msg, from, err = walk.Next()
	require.NoError(t, err)
	require.Equal(t, "third", string(msg))
	require.EqualValues(t, 3, from.Seq)
	_, _, err = walk.Next()
	require.ErrorIs(t, err, ErrEmpty)
}

func TestPeekBeginsInsideABatch(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		batch(t, p[1], "a", "b", "c")
		put(t, p[0], "d")
		take(t, c, "a", "b")
		require.Equal(t, []string{"a", "b", "c", "d"}, texts(peeked(t, r, nil)), "not released yet")
		c.Release()
		got := peeked(t, r, nil)
		require.Equal(t, []string{"c", "d"}, texts(got))
		require.EqualValues(t, 3, got[0].Seq)
		require.Equal(t, 2, got[0].Index)
	})
}

func TestPeekReportsWhatCantBe(t *testing.T) {
	for field, damage := range map[string]func(r *Ring){
		"tail":          func(r *Ring) { r.ctl.tail.Store(r.Head() + r.capacity + 8) },
		"head":          func(r *Ring) { r.ctl.head.Store(4) },
		"record.length": func(r *Ring) { r.word(8).Store(uint64(makeMeta(3000, 0, kindData))) },
		"record.kind":   func(r *Ring) { r.word(8).Store(uint64(makeMeta(1, 0, 9))) },
		"record.stamp":  func(r *Ring) { r.word(0).Store(2); r.slots[1].intent.Store(noIntent) },
		"batch.length":  func(r *Ring) { r.word(8).Store(uint64(makeMeta(5, 0, kindBatch))) },
	} {
		t.Run(field, func(t *testing.T) {
			r := mappedRing(t, 0)
			put(t, r.NewProducer(0, true), "hello")
			damage(r)
			p, err := r.NewPeeker(nil)
			for err == nil {
				_, _, err = p.Next()
			}
			requireCorrupt(t, err, field)
		})
	}
}

// A tail that has moved back is corruption, not the end of the walk.
func TestPeekReportsATailThatMovedBack(t *testing.T) {
	r := mappedRing(t, 0)
	put(t, r.NewProducer(0, true), "hello")
	p, err := r.NewPeeker(nil)
	require.NoError(t, err)
	r.word(0).Store(0)
	r.ctl.tail.Store(0)
	for range 2 {
		_, _, err = p.Next()
		requireCorrupt(t, err, "tail")
	}
}

// A peer that withdraws a stamp while the record is copied breaks the rules, and the
// walk reports it instead of a copy that nothing vouches for (P4).
func TestPeekReportsAStampThatChangedWhileItCopied(t *testing.T) {
	r := NewHeapRing(1<<20, senders, 0)
	put(t, r.NewProducer(0, true), text(1<<18, 1))
	walk, err := r.NewPeeker(nil)
	require.NoError(t, err)
	var stop atomic.Bool
	var peer sync.WaitGroup
	peer.Go(func() {
		for stamp := r.stampAt(0); !stop.Load(); stamp ^= r.stampAt(0) {
			r.word(0).Store(stamp)
		}
	})
	defer peer.Wait()
	defer stop.Store(true)
	proctest.Eventually(t, "the stamp changes during a copy", func() bool {
		for range 1000 { // more than a time slice: on one processor the peer runs in between
			if _, _, _, err := walk.record(); err != nil && err != errInFlight {
				requireCorrupt(t, err, "record.stamp")
				return true
			}
		}
		return false
	})
}

// Messages that a walk returns while senders and receiver go on are whole and in
// order.
func TestPeekWhileOthersGoOnTearsNothing(t *testing.T) {
	const each = 3000
	cr := newCrowd(t, mappedRing(t, 1<<64-128), func(cr *crowd, who int) error { return cr.sendNumbered(who, each) })
	var shown atomic.Int64
	done := make(chan struct{})
	var walks sync.WaitGroup
	walks.Go(func() {
		for n := 0; ; shown.Add(int64(n)) {
			select {
			case <-done:
				return
			default:
				n = walkNumbered(t, cr.Ring)
			}
		}
	})
	stop := sync.OnceFunc(func() { close(done) })
	defer walks.Wait()
	defer stop()
	for n := range senders * each {
		cr.next(t)
		if n%256 == 0 { // some walk meets what is there
			before := shown.Load()
			proctest.Eventually(t, "a walk finds messages", func() bool { return shown.Load() > before })
			cr.c.Release()
		}
	}
	stop()
	walks.Wait()
	cr.finish(t)
}

// walkNumbered checks every message of one walk, and returns how many there were.
func walkNumbered(t *testing.T, r *Ring) (n int) {
	var buf []byte
	newest := map[int]int{}
	p, err := r.NewPeeker(func(int) bool { return false })
	for ; err == nil; n++ {
		var msg []byte
		if msg, _, err = p.Next(); err != nil {
			break
		}
		who, i := whose(t, buf, msg)
		if before, ok := newest[who]; ok {
			assert.Greater(t, i, before)
		}
		newest[who] = i
	}
	assert.ErrorIs(t, err, ErrEmpty)
	return n
}
