package ipc_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

func TestRecvBlocksUntilAMessageComes(t *testing.T) {
	o := in(t)
	o.Heartbeat, o.Spin = slow, -1
	s, r := newPair(t, o)
	ctx := background(t)
	got := async(func() string {
		msg, err := r.Recv(ctx)
		return string(msg) + " " + kind(err)
	})
	proctest.Parked(t, "(*Receiver).Recv", 1)
	require.Empty(t, got)
	send(t, s, "wake up")
	require.Equal(t, "wake up ok", awaitSoon(t, got))
}

func TestRecvIsWokenByAnotherProcess(t *testing.T) {
	o := in(t)
	o.Heartbeat, o.Spin = slow, -1
	r := newReceiver(t, o)
	p := startSender(t, o)
	ctx := background(t)
	got := async(func() string {
		msg, err := r.Recv(ctx)
		return string(msg) + " " + kind(err)
	})
	proctest.Parked(t, "(*Receiver).Recv", 1)
	require.Equal(t, "ok", p.Ask("send good morning"))
	require.Equal(t, "good morning ok", awaitSoon(t, got))
}

func TestTryRecvGoesThroughItsStates(t *testing.T) {
	o := in(t)
	r := newReceiver(t, o)
	requireEmpty(t, r)
	s := newSender(t, o)
	requireEmpty(t, r)
	send(t, s, "x")
	msg, err := r.TryRecv()
	require.NoError(t, err)
	require.Equal(t, "x", string(msg))
	requireEmpty(t, r)
	require.NoError(t, s.Close())
	for range 3 {
		_, err = r.TryRecv()
		require.ErrorIs(t, err, ipc.ErrDisconnected)
	}
}

func TestReceivedCopyIsTheCallersOwn(t *testing.T) {
	o := in(t)
	o.Capacity = 4096
	s, r := newPair(t, o)
	send(t, s, "keep me")
	first, err := r.Recv(background(t))
	require.NoError(t, err)
	// Several laps over the ring.
	for range 100 {
		send(t, s, strings.Repeat("#", 500))
		msg, err := r.Recv(background(t))
		require.NoError(t, err)
		clear(msg) // the caller may modify it
	}
	require.Equal(t, "keep me", string(first))
}

func TestRecvAppendAppends(t *testing.T) {
	s, r := newPair(t, in(t))
	send(t, s, "one", "two", "")
	dst := make([]byte, 0, 64)
	dst = append(dst, ">"...)
	for _, want := range []string{">one", ">onetwo", ">onetwo"} {
		var err error
		dst, err = r.RecvAppend(background(t), dst)
		require.NoError(t, err)
		require.Equal(t, want, string(dst))
	}
	require.Equal(t, 64, cap(dst), "a buffer that is large enough is not reallocated")
}

func TestRecvAppendGrowsWhatIsTooSmall(t *testing.T) {
	s, r := newPair(t, in(t))
	send(t, s, strings.Repeat("x", 1000))
	got, err := r.RecvAppend(background(t), []byte("small"))
	require.NoError(t, err)
	require.Equal(t, "small"+strings.Repeat("x", 1000), string(got))
}

func TestRecvAppendReturnsDstUnchangedWithAnError(t *testing.T) {
	s, r := newPair(t, in(t))
	dst := append(make([]byte, 0, 32), "mine"...)
	got, err := r.RecvAppend(expired(t), dst)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, "mine", string(got))
	require.Same(t, &dst[0], &got[0])

	require.NoError(t, s.Close())
	got, err = r.RecvAppend(background(t), dst)
	require.ErrorIs(t, err, ipc.ErrDisconnected)
	require.Equal(t, "mine", string(got))

	require.NoError(t, r.Close())
	got, err = r.RecvAppend(background(t), dst)
	require.ErrorIs(t, err, ipc.ErrClosed)
	require.Equal(t, "mine", string(got))
}

func TestSecondGoroutineAtAReceiverIsBusy(t *testing.T) {
	o := in(t)
	s, r := newPair(t, o)
	ctx := background(t)
	first := async(func() string {
		msg, err := r.Recv(ctx)
		return string(msg) + " " + kind(err)
	})
	proctest.Parked(t, "(*Receiver).Recv", 1)

	_, err := r.Recv(ctx)
	require.ErrorIs(t, err, ipc.ErrBusy)
	_, err = r.TryRecv()
	require.ErrorIs(t, err, ipc.ErrBusy)
	dst, err := r.RecvAppend(ctx, []byte("dst"))
	require.ErrorIs(t, err, ipc.ErrBusy)
	require.Equal(t, "dst", string(dst))
	_, err = r.Consume(ctx, 1, func([]byte) error { return nil })
	require.ErrorIs(t, err, ipc.ErrBusy)
	for _, err := range r.Drain() {
		require.ErrorIs(t, err, ipc.ErrBusy)
	}

	send(t, s, "for the first")
	require.Equal(t, "for the first ok", await(t, first))
	requireEmpty(t, r)
}

func TestReceiverMayPassFromGoroutineToGoroutine(t *testing.T) {
	s, r := newPair(t, in(t))
	for i := range 50 {
		send(t, s, numbered("g", i))
		got := async(func() string {
			msg, err := r.TryRecv()
			return string(msg) + kind(err)
		})
		require.Equal(t, numbered("g", i)+"ok", await(t, got))
	}
}

func TestRecvWithADeadlineThenAMessage(t *testing.T) {
	s, r := newPair(t, in(t))
	for range 3 {
		start := time.Now()
		_, err := r.Recv(brief(t))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.GreaterOrEqual(t, time.Since(start), 25*time.Millisecond, "returned before the deadline")
		send(t, s, "late")
		recv(t, r, "late")
	}
}

func TestEveryLengthComesThroughManyLapsOfASmallRing(t *testing.T) {
	o := in(t)
	o.Capacity = 4096
	s, r := newPair(t, o)
	rnd := rand.New(rand.NewPCG(1, 2))
	var wait [][]byte
	for i := range 4000 {
		msg := noise(i, rnd.IntN(600))
		for s.TrySend(msg) != nil {
			got, err := r.TryRecv()
			require.NoError(t, err)
			require.Equal(t, wait[0], got)
			wait = wait[1:]
		}
		wait = append(wait, msg)
	}
	for _, want := range wait {
		got, err := r.TryRecv()
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	requireEmpty(t, r)
	require.Greater(t, r.Stats().Head, uint64(100*4096))
}
