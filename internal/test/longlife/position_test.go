package longlife

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
	"github.com/shmchan/shmchan/shm"
)

// Positions have 64 bits and only grow: at 100 GB/s they pass 2^64 after 5 years. At
// 2^35 the tag of a batch cursor wraps.
var boundaries = map[string]uint64{"2^32": 1 << 32, "2^35": 1 << 35, "2^63": 1 << 63, "2^64": 0}

// startAt creates a durable channel of one page whose positions begin before the
// boundary.
func startAt(t testing.TB, boundary uint64, before uint64) *ipc.Options {
	t.Helper()
	o := &ipc.Options{Dir: proctest.Dir(t), KeepOpen: true}
	seg, err := shm.Create(shm.Place{Dir: o.Dir, Base: channel},
		shm.Config{Capacity: 4096, MaxSenders: 3, Durable: true, Start: boundary - before})
	require.NoError(t, err)
	require.NoError(t, seg.Publish())
	require.NoError(t, seg.Close())
	return o
}

func newSender(t testing.TB, o *ipc.Options) *ipc.Sender {
	t.Helper()
	s, err := ipc.NewSender(background(t), channel, o)
	require.NoError(t, err)
	return s
}

func newReceiver(t testing.TB, o *ipc.Options) *ipc.Receiver {
	t.Helper()
	r, err := ipc.NewReceiver(background(t), channel, o)
	require.NoError(t, err)
	return r
}

// finish checks that the boundary was passed and that every message is received, and
// removes the channel.
func finish(t testing.TB, o *ipc.Options, boundary uint64, r *ipc.Receiver, ends ...*ipc.Sender) {
	t.Helper()
	_, err := r.TryRecv()
	require.ErrorIs(t, err, ipc.ErrEmpty)
	for _, s := range ends {
		require.NoError(t, s.Close())
	}
	stats := r.Stats()
	require.Positive(t, int64(stats.Head-boundary))
	require.Equal(t, stats.Head, stats.Tail)
	require.Zero(t, stats.Used)
	require.NoError(t, r.Close())
	require.NoError(t, ipc.Remove(channel, o))
}

func eachBoundary(t *testing.T, test func(t *testing.T, boundary uint64)) {
	for name, b := range boundaries {
		t.Run(name, func(t *testing.T) { test(t, b) })
	}
}

// Records cross the boundary at every offset.
func TestMessagesPassTheBoundary(t *testing.T) {
	eachBoundary(t, func(t *testing.T, boundary uint64) {
		for before := uint64(8); before <= 256; before += 8 {
			o := startAt(t, boundary, before)
			r, a, b := newReceiver(t, o), newSender(t, o), newSender(t, o)
			for i := range 40 {
				n := 16 + 13*i
				require.NoError(t, a.TrySend(numbered(1, i, n)))
				require.NoError(t, b.TrySend(numbered(2, i, n)))
				for want := range 2 {
					msg, err := r.TryRecv()
					require.NoError(t, err)
					sender, number := number(t, msg)
					require.Equal(t, [2]int{1 + want, i}, [2]int{sender, number})
				}
			}
			require.NoError(t, a.Flush(background(t)))
			finish(t, o, boundary, r, a, b)
		}
	})
}

// A full ring has the same room on both sides of the boundary: as many messages fit.
func TestFullRingPassesTheBoundary(t *testing.T) {
	eachBoundary(t, func(t *testing.T, boundary uint64) {
		o := startAt(t, boundary, 3000)
		r, s := newReceiver(t, o), newSender(t, o)
		sent, received := 0, 0
		for range 20 {
			fitted := 0
			for ; ; sent, fitted = sent+1, fitted+1 {
				if err := s.TrySend(numbered(1, sent, 104)); err != nil {
					require.ErrorIs(t, err, ipc.ErrFull)
					break
				}
			}
			if sent > 40 {
				require.Equal(t, 11, fitted)
			}
			for range 11 {
				msg, err := r.TryRecv()
				require.NoError(t, err)
				_, i := number(t, msg)
				require.Equal(t, received, i)
				received++
			}
		}
		for range sent - received {
			_, err := r.TryRecv()
			require.NoError(t, err)
		}
		finish(t, o, boundary, r, s)
	})
}

// A batch lies across the boundary, and the receiver is replaced in the middle of it.
func TestBatchPassesTheBoundaryAndItsReceiverChanges(t *testing.T) {
	eachBoundary(t, func(t *testing.T, boundary uint64) {
		for before := uint64(8); before <= 400; before += 56 {
			o := startAt(t, boundary, before)
			r, s := newReceiver(t, o), newSender(t, o)
			var batch [][]byte
			for i := range 20 {
				batch = append(batch, numbered(1, i, 16+i))
			}
			n, err := s.SendBatch(background(t), batch)
			require.NoError(t, err)
			require.Equal(t, 20, n)
			for i := range 20 {
				msg, err := r.TryRecv()
				require.NoError(t, err)
				require.Equal(t, batch[i], msg)
				if i%3 == 0 {
					require.NoError(t, r.Close())
					r = newReceiver(t, o)
				}
			}
			finish(t, o, boundary, r, s)
		}
	})
}

// A sender dies with a claim before, across or after the boundary, while others have
// sent after it; another sender takes its slot.
func TestClaimOfTheDeadPassesTheBoundary(t *testing.T) {
	eachBoundary(t, func(t *testing.T, boundary uint64) {
		for _, before := range []uint64{0, 8, 24, 64, 128, 512} {
			o := startAt(t, boundary, before)
			r, s := newReceiver(t, o), newSender(t, o)
			p := proctest.Start(t, "claimer", encode(t, o), fmt.Sprint(100))
			p.Expect("claimed")
			for i := range 5 {
				require.NoError(t, s.TrySend(numbered(1, i, 100)))
			}
			_, err := r.TryRecv()
			require.ErrorIs(t, err, ipc.ErrEmpty, "the claimer lives")
			p.Kill()
			for i := range 5 {
				msg, err := r.Recv(background(t))
				require.NoError(t, err)
				_, got := number(t, msg)
				require.Equal(t, i, got)
			}
			require.Equal(t, uint64(1), r.Stats().Skipped)
			more := newSender(t, o)
			again := newSender(t, o) // there are only three slots
			require.NoError(t, again.TrySend(numbered(3, 0, 600)))
			_, err = r.TryRecv()
			require.NoError(t, err)
			finish(t, o, boundary, r, s, more, again)
		}
	})
}

// claimerRole claims some bytes and never commits them.
func claimerRole(args []string) int {
	s, err := ipc.NewSender(context.Background(), channel, decode(args[0]))
	must(err)
	_, err = s.Claim(context.Background(), atoi(args[1]))
	must(err)
	proctest.Say("claimed")
	select {}
}
