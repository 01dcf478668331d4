package ipc_test

import (
	"context"
	"errors"
	"io/fs"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

func TestLongSpinHeedsContextCloseAndDeath(t *testing.T) {
	o := in(t)
	o.Spin, o.Capacity = time.Hour, 4096
	r := newReceiver(t, o)
	s := newSender(t, o)
	short := func() context.Context {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	within(t, "Recv with a context", func() {
		_, err := r.Recv(short())
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
	require.NoError(t, s.Send(context.Background(), make([]byte, 2048)))
	within(t, "Send with a context", func() {
		require.ErrorIs(t, s.Send(short(), make([]byte, 2048)), context.DeadlineExceeded)
	})
	within(t, "Close of a spinning sender", func() {
		sent := make(chan error)
		go func() { sent <- s.Send(context.Background(), make([]byte, 2048)) }()
		require.NoError(t, s.Close())
		require.ErrorIs(t, <-sent, ipc.ErrClosed)
	})
	_, err := r.Recv(context.Background())
	require.NoError(t, err)
	within(t, "Recv after the last sender has gone", func() {
		_, err := r.Recv(context.Background())
		require.ErrorIs(t, err, ipc.ErrDisconnected)
	})
}

func TestCloseEndsALongSpin(t *testing.T) {
	o := in(t)
	o.Spin, o.KeepOpen = time.Hour, true
	r := newReceiver(t, o)
	got := make(chan error)
	go func() { _, err := r.Recv(context.Background()); got <- err }()
	within(t, "Close", func() {
		require.NoError(t, r.Close())
		require.ErrorIs(t, <-got, ipc.ErrClosed)
	})
}

func TestKilledPeerEndsALongSpin(t *testing.T) {
	o := in(t)
	o.Spin = time.Hour
	r := newReceiver(t, o)
	p := proctest.Start(t, "sender", encode(t, o))
	p.Expect("ready")
	p.Kill()
	within(t, "Recv after the death", func() {
		for {
			_, err := r.Recv(context.Background())
			if err != nil {
				require.ErrorIs(t, err, ipc.ErrDisconnected)
				return
			}
		}
	})
}

// The message passed to Send may lie in memory that faults, such as a truncated file.
func TestPanicWhileSendingLeavesNoClaim(t *testing.T) {
	o := in(t)
	r := newReceiver(t, o)
	s, other := newSender(t, o), newSender(t, o)
	bad, err := unix.Mmap(-1, 0, 4096, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
	require.NoError(t, err)
	defer func() { require.NoError(t, unix.Munmap(bad)) }()
	panics := func(f func()) {
		defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
		require.Panics(t, f)
	}
	ctx := context.Background()
	panics(func() { _ = s.Send(ctx, bad) })
	panics(func() { _, _ = s.SendBatch(ctx, [][]byte{[]byte("whole"), bad}) })
	within(t, "the next message", func() {
		require.NoError(t, other.Send(ctx, []byte("other")))
		require.NoError(t, s.Send(ctx, []byte("same")))
		for _, want := range []string{"other", "same"} {
			got, err := r.Recv(ctx)
			require.NoError(t, err)
			require.Equal(t, want, string(got))
		}
	})
}

func TestLateAbortLeavesTheNextClaimAlone(t *testing.T) {
	o := in(t)
	r := newReceiver(t, o)
	s := newSender(t, o)
	ctx := context.Background()
	first, err := s.Claim(ctx, 1)
	require.NoError(t, err)
	require.NoError(t, first.Commit())
	second, err := s.Claim(ctx, 3)
	require.NoError(t, err)
	require.ErrorIs(t, first.Abort(), ipc.ErrClosed)
	copy(second.Bytes(), "abc")
	require.NoError(t, second.Commit())
	for _, n := range []int{1, 3} {
		got, err := r.Recv(ctx)
		require.NoError(t, err)
		require.Len(t, got, n)
	}
}

// Any number of claims may come between a Commit and the Abort deferred with it.
func TestLateAbortLeavesAnyLaterClaimAlone(t *testing.T) {
	o := in(t)
	r := newReceiver(t, o)
	s := newSender(t, o)
	ctx := context.Background()
	claim := func() *ipc.Claim {
		c, err := s.Claim(ctx, 8)
		require.NoError(t, err)
		return c
	}
	late := claim()
	require.NoError(t, late.Commit())
	for range 40 {
		c := claim()
		require.NoError(t, c.Commit())
		require.ErrorIs(t, c.Abort(), ipc.ErrClosed)
	}
	last := claim()
	require.NotSame(t, late, last)
	require.ErrorIs(t, late.Abort(), ipc.ErrClosed)
	require.NoError(t, last.Commit())
	for range 42 {
		_, err := r.Recv(ctx)
		require.NoError(t, err)
	}
	if raceEnabled {
		return // the race detector allocates
	}
	buf := make([]byte, 0, 8)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		c, err := s.Claim(ctx, 8)
		if err != nil || c.Commit() != nil || c.Abort() == nil {
			t.Error("want Claim and Commit to succeed and a late Abort to fail")
		}
		if _, err := r.RecvAppend(ctx, buf[:0]); err != nil {
			t.Error(err)
		}
	}))
}

// Many goroutines follow the documented pattern, each with a deferred Abort.
func TestClaimsOfManyGoroutinesDoNotInterfere(t *testing.T) {
	o := in(t)
	r := newReceiver(t, o)
	s := newSender(t, o)
	ctx := context.Background()
	const goroutines, each = 4, 2000
	var all sync.WaitGroup
	failed := make(chan error, goroutines*each)
	for range goroutines {
		all.Go(func() {
			for range each {
				func() {
					c, err := s.Claim(ctx, 8)
					if err == nil {
						defer func() { _ = c.Abort() }()
						err = c.Commit()
					}
					if err != nil {
						failed <- err
					}
				}()
			}
		})
	}
	for range goroutines * each {
		_, err := r.Recv(ctx)
		require.NoError(t, err)
	}
	all.Wait()
	require.Empty(t, failed)
}

func TestBytesMayBeReadWhileTheSenderIsClosed(t *testing.T) {
	o := in(t)
	newReceiver(t, o)
	s := newSender(t, o)
	c, err := s.Claim(context.Background(), 8)
	require.NoError(t, err)
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	for range 1000 {
		copy(c.Bytes(), "12345678")
	}
	require.NoError(t, <-closed)
	require.ErrorIs(t, c.Commit(), ipc.ErrClosed)
}

func TestFlushWaitsForMessagesOnly(t *testing.T) {
	o := in(t)
	r := newReceiver(t, o)
	s := newSender(t, o)
	ctx := context.Background()
	within(t, "Flush", func() {
		c, err := s.Claim(ctx, 8)
		require.NoError(t, err)
		require.NoError(t, s.Flush(ctx), "nothing was sent, a claim is open")
		require.NoError(t, c.Abort())
		require.NoError(t, s.Flush(ctx), "nothing was sent, a claim was aborted")
		require.NoError(t, s.Send(ctx, []byte("x")))
		_, err = r.Recv(ctx)
		require.NoError(t, err)
		require.NoError(t, s.Flush(ctx))
	})
}

func TestRemovalIsNotTakenForAReceiver(t *testing.T) {
	o := with(in(t), func(o *ipc.Options) { o.Durable = true })
	stop := make(chan struct{})
	var removing sync.WaitGroup
	removing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_ = ipc.Remove(name, o)
			}
		}
	})
	defer func() {
		close(stop)
		removing.Wait()
		_ = ipc.Remove(name, o) // the last channel, if the remover did not get to it
	}()
	for range 300 {
		r, err := ipc.NewReceiver(context.Background(), name, o)
		require.NoError(t, err)
		require.NoError(t, r.Close())
	}
}

func TestEmptyBatchReportsClosedEndpoints(t *testing.T) {
	o := in(t)
	r := newReceiver(t, o)
	s, gone := newSender(t, o), newSender(t, o)
	n, err := s.SendBatch(context.Background(), nil)
	require.NoError(t, err)
	require.Zero(t, n)
	require.NoError(t, gone.Close())
	_, err = gone.SendBatch(context.Background(), nil)
	require.ErrorIs(t, err, ipc.ErrClosed)
	require.NoError(t, r.Close())
	_, err = s.SendBatch(context.Background(), [][]byte{})
	require.ErrorIs(t, err, ipc.ErrDisconnected)
}

func TestErrorsNameTheCallThatFailed(t *testing.T) {
	o := in(t)
	newReceiver(t, o)
	s := newSender(t, o)
	_, err := s.Claim(context.Background(), -1)
	require.ErrorIs(t, err, fs.ErrInvalid)
	require.ErrorContains(t, err, "claim ch: ")
	require.ErrorContains(t, err, "want 0 to 524288")
	require.NoError(t, s.Send(context.Background(), []byte("x")))
	expired, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorContains(t, s.Flush(expired), "flush ch: ")
	c, err := s.Claim(context.Background(), 1)
	require.NoError(t, err)
	_, err = s.Claim(expired, 1)
	require.ErrorContains(t, err, "claim ch: ")
	require.NoError(t, c.Commit())
	require.ErrorContains(t, c.Abort(), "abort ch: ")
	require.ErrorContains(t, c.Commit(), "commit ch: ")
	require.NoError(t, s.Close())
	_, err = s.Clone()
	require.ErrorContains(t, err, "clone ch: ")
	require.True(t, errors.Is(err, ipc.ErrClosed))
}
