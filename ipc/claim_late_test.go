package ipc_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

// A call on a finished Claim changes nothing, however many claims followed it:
// neither the open claim nor the messages already sent.
func TestLateCallsOnAClaimDoNotAffectOthers(t *testing.T) {
	finishes := map[string]func(*ipc.Claim) error{"Commit": (*ipc.Claim).Commit, "Abort": (*ipc.Claim).Abort}
	for first, finish := range finishes {
		for again, late := range finishes {
			for _, between := range []int{0, 1, 6, 7, 8, 15, 63, 64, 65, 200} {
				t.Run(fmt.Sprintf("%s, %d claims, %s", first, between, again), func(t *testing.T) {
					s, r := newPair(t, in(t))
					done := claim(t, s, "done")
					require.NoError(t, finish(done))
					sent := 0
					if first == "Commit" {
						sent++
					}
					for range between {
						require.NoError(t, claim(t, s, "between").Commit())
					}
					open := claim(t, s, "open")
					require.NotSame(t, done, open)
					require.ErrorIs(t, late(done), ipc.ErrClosed)
					require.Nil(t, done.Bytes())
					require.Equal(t, "open", string(open.Bytes()))
					require.ErrorIs(t, s.TrySend([]byte("x")), ipc.ErrBusy, "a claim is open")
					require.NoError(t, open.Commit())
					for range sent + between {
						_, err := r.TryRecv()
						require.NoError(t, err)
					}
					recv(t, r, "open")
				})
			}
		}
	}
}

// A late call on a Claim that was finished before Close does not unmap the segment
// while another claim is open.
func TestLateCallsAfterCloseLeaveTheOpenClaimsMemory(t *testing.T) {
	o := in(t)
	r := newReceiver(t, o)
	s, err := ipc.NewSender(background(t), name, o)
	require.NoError(t, err)
	done := claim(t, s, "done")
	require.NoError(t, done.Commit())
	open := claim(t, s, "open")
	require.NoError(t, s.Close())
	require.NoError(t, r.Close())
	require.ErrorIs(t, done.Commit(), ipc.ErrClosed)
	require.ErrorIs(t, done.Abort(), ipc.ErrClosed)
	require.True(t, mapped(t, o))
	requireReadable(t, "open", open.Bytes())
	copy(open.Bytes(), "late")
	require.ErrorIs(t, open.Commit(), ipc.ErrClosed)
	require.Nil(t, open.Bytes())
	require.False(t, mapped(t, o))
	require.ErrorIs(t, open.Abort(), ipc.ErrClosed)
	_, err = s.Claim(background(t), 1)
	require.ErrorIs(t, err, ipc.ErrClosed)
}

// A hundred goroutines each claim, defer Abort, fill, commit and wait for the answer,
// so that the deferred Abort runs after later claims by other goroutines. Each round
// uses a fresh Sender.
func TestHundredGoroutinesWithDeferredAborts(t *testing.T) {
	const goroutines, each = 100, 20
	for range 3 {
		s, r := newPair(t, in(t))
		ctx, cancel := context.WithCancel(background(t))
		answers := make([]chan uint64, goroutines)
		for i := range answers {
			answers[i] = make(chan uint64, 1)
		}
		var served, all sync.WaitGroup
		served.Go(func() {
			for {
				msg, err := r.Recv(ctx)
				if err != nil {
					return
				}
				who, n := binary.LittleEndian.Uint64(msg), binary.LittleEndian.Uint64(msg[8:])
				if len(msg) != 24 || who >= goroutines || binary.LittleEndian.Uint64(msg[16:]) != who^n {
					t.Errorf("torn: %x", msg)
					continue
				}
				answers[who] <- n
			}
		})
		call := func(who, n uint64) error {
			c, err := s.Claim(ctx, 24)
			if err != nil {
				return err
			}
			defer func() { _ = c.Abort() }()
			b := c.Bytes()
			binary.LittleEndian.PutUint64(b, who)
			runtime.Gosched()
			binary.LittleEndian.PutUint64(b[8:], n)
			binary.LittleEndian.PutUint64(b[16:], who^n)
			if err := c.Commit(); err != nil {
				return err
			}
			select {
			case got := <-answers[who]:
				if got != n {
					return fmt.Errorf("answer: want %d, got %d", n, got)
				}
				return nil
			case <-ctx.Done():
				return fmt.Errorf("no answer: %w", ctx.Err())
			}
		}
		for who := range uint64(goroutines) {
			all.Go(func() {
				for n := range uint64(each) {
					if err := call(who, n); err != nil {
						t.Error(err)
						cancel()
						return
					}
				}
			})
		}
		all.Wait()
		cancel()
		served.Wait()
		require.NoError(t, s.Close())
	}
}

// Close races goroutines that claim, commit, abort and send batches: each call reports
// correctly whether it sent, and none faults.
func TestCloseAmongClaimsAndBatches(t *testing.T) {
	for range 20 {
		o := in(t)
		o.Capacity = 4096
		r := newReceiver(t, o)
		s, err := ipc.NewSender(background(t), name, o)
		require.NoError(t, err)
		var all sync.WaitGroup
		sent := make(chan int, 8)
		for i := range 8 {
			all.Go(func() {
				n := 0
				defer func() { sent <- n }()
				for {
					if i%2 == 0 {
						k, err := s.SendBatch(context.Background(), [][]byte{make([]byte, 50), make([]byte, 50)})
						if n += k; err != nil {
							return
						}
						continue
					}
					c, err := s.Claim(context.Background(), 50)
					if err != nil {
						return
					}
					for i := range c.Bytes() {
						c.Bytes()[i] = 0
					}
					if c.Commit() == nil {
						n++
					}
					_ = c.Abort()
				}
			})
		}
		received := 0
		for range 200 {
			_, err := r.Recv(background(t))
			require.NoError(t, err)
			received++
		}
		require.NoError(t, s.Close())
		all.Wait()
		for _, err := range r.Drain() {
			require.NoError(t, err)
			received++
		}
		total := 0
		for range 8 {
			total += <-sent
		}
		require.Equal(t, total, received)
		require.Equal(t, uint64(total), s.Stats().Messages)
		require.NoError(t, r.Close())
		require.False(t, mapped(t, o))
	}
}

func TestClaimsCostAFractionOfAnAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	s, r := newPair(t, in(t))
	ctx, dst := context.Background(), make([]byte, 0, 64)
	const claims = 6400
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range claims {
		c, err := s.Claim(ctx, 64)
		require.NoError(t, err)
		if c.Commit() != nil || c.Abort() == nil {
			t.Fatal("want Commit to succeed and the late Abort to fail")
		}
		if _, err := r.RecvAppend(ctx, dst); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	require.Less(t, after.Mallocs-before.Mallocs, uint64(claims/32))
}
