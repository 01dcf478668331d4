package ipc_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// noise returns n pseudorandom bytes, so that no part of a message or of a ring's
// header can pass for another.
func noise(seed, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}

func TestMessageArrivesExactlyAsSent(t *testing.T) {
	s, r := newPair(t, in(t))
	for _, n := range []int{0, 1, 7, 8, 9, 15, 16, 17, 63, 64, 65, 4095, 4096, 4097, 100_000, 512 << 10} {
		msg := noise(n, n)
		require.NoError(t, s.Send(background(t), msg))
		got, err := r.Recv(background(t))
		require.NoError(t, err)
		require.True(t, bytes.Equal(msg, got), "%d bytes", n)
	}
	requireEmpty(t, r)
}

func TestEmptyMessageIsAMessage(t *testing.T) {
	s, r := newPair(t, in(t))
	require.NoError(t, s.Send(background(t), nil))
	require.NoError(t, s.TrySend([]byte{}))
	send(t, s, "after")
	recv(t, r, "", "", "after")
}

func TestSendCopiesTheMessage(t *testing.T) {
	s, r := newPair(t, in(t))
	msg := []byte("before")
	require.NoError(t, s.Send(background(t), msg))
	copy(msg, "AFTER!")
	recv(t, r, "before")
}

func TestMessagesOfSeveralMebibytesArriveWhole(t *testing.T) {
	o := in(t)
	o.Capacity = 8 << 20
	s, r := newPair(t, o)
	msg := noise(1, 4<<20)
	// Send three in a row, so that one wraps around the end of the ring.
	for range 3 {
		require.NoError(t, s.Send(background(t), msg))
		got, err := r.Recv(background(t))
		require.NoError(t, err)
		require.True(t, bytes.Equal(msg, got))
	}
}

func TestTrySendOnAFullRingIsErrFull(t *testing.T) {
	o := in(t)
	o.Capacity = 4096
	s, r := newPair(t, o)
	n := fill(t, s, make([]byte, 100))
	require.Greater(t, n, 4096/200)
	require.LessOrEqual(t, n, 4096/100)
	require.ErrorIs(t, s.TrySend(make([]byte, 100)), ipc.ErrFull, "second call")
	require.Equal(t, uint64(n), r.Stats().Messages, "a refused message is not counted")
}

func TestFullRingHasRoomAgainAfterOneRecv(t *testing.T) {
	o := in(t)
	o.Capacity = 4096
	s, r := newPair(t, o)
	fill(t, s, make([]byte, 100))
	for range 100 {
		_, err := r.Recv(background(t))
		require.NoError(t, err)
		require.NoError(t, s.TrySend(make([]byte, 100)))
		require.ErrorIs(t, s.TrySend(make([]byte, 100)), ipc.ErrFull)
	}
}

func TestSendBlocksWhileTheRingIsFull(t *testing.T) {
	o := in(t)
	o.Capacity, o.Heartbeat, o.Spin = 4096, slow, -1
	s, r := newPair(t, o)
	fill(t, s, make([]byte, 1000))
	ctx := background(t)
	sent := async(func() error { return s.Send(ctx, make([]byte, 1000)) })
	proctest.Parked(t, "(*Sender).Send", 1)
	require.Empty(t, sent)

	_, err := r.Recv(background(t))
	require.NoError(t, err)
	require.NoError(t, awaitSoon(t, sent))
}

func TestAllBlockedSendersGoOnWhenTheRingDrains(t *testing.T) {
	const senders = 8
	o := in(t)
	o.Capacity, o.Heartbeat, o.Spin = 4096, slow, -1
	r := newReceiver(t, o)
	first := newSender(t, o)
	n := fill(t, first, make([]byte, 1000))
	ctx := background(t)
	var sent []<-chan error
	for range senders {
		s := newSender(t, o)
		sent = append(sent, async(func() error { return s.Send(ctx, make([]byte, 1000)) }))
	}
	proctest.Parked(t, "(*Sender).Send", senders)
	for range n + senders {
		_, err := r.Recv(background(t))
		require.NoError(t, err)
	}
	for _, c := range sent {
		require.NoError(t, awaitSoon(t, c))
	}
	requireEmpty(t, r)
}

func TestSenderServesManyGoroutines(t *testing.T) {
	const goroutines, each = 8, 500
	o := in(t)
	o.Capacity = 4096 // small, so that they also wait for room
	s, r := newPair(t, o)
	ctx := background(t)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				if err := s.Send(ctx, []byte(numbered(string(rune('A'+g)), i))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	next := map[byte]int{}
	for range goroutines * each {
		msg, err := r.Recv(ctx)
		require.NoError(t, err)
		sender := msg[0]
		require.Equal(t, numbered(string(rune(sender)), next[sender]), string(msg))
		next[sender]++
	}
	wg.Wait()
	requireEmpty(t, r)
	require.Len(t, next, goroutines)
}

func TestFlushReturnsOnceAllIsReceived(t *testing.T) {
	o := in(t)
	o.Heartbeat, o.Spin = slow, -1
	s, r := newPair(t, o)
	send(t, s, "one", "two")
	ctx := background(t)
	flushed := async(func() error { return s.Flush(ctx) })
	proctest.Parked(t, "(*Sender).Flush", 1)
	recv(t, r, "one")
	require.Empty(t, flushed, "one message is still in the ring")
	recv(t, r, "two")
	require.NoError(t, awaitSoon(t, flushed))
}

func TestFlushOfNothingReturns(t *testing.T) {
	o := in(t)
	s, r := newPair(t, o)
	require.NoError(t, s.Flush(expired(t)))

	other := newSender(t, o)
	send(t, other, "not mine")
	require.NoError(t, s.Flush(background(t)), "only this sender's messages matter")
	recv(t, r, "not mine")
	require.NoError(t, other.Flush(expired(t)))
}

func TestFlushGivesUpWithItsContext(t *testing.T) {
	s, r := newPair(t, in(t))
	send(t, s, "unread")
	require.ErrorIs(t, s.Flush(brief(t)), context.DeadlineExceeded)
	recv(t, r, "unread")
	require.NoError(t, s.Flush(background(t)))
}

func TestFlushIsDisconnectedWhenTheReceiverGoesFirst(t *testing.T) {
	o := in(t)
	o.Heartbeat = slow
	s, r := newPair(t, o)
	send(t, s, "never read")
	ctx := background(t)
	flushed := async(func() error { return s.Flush(ctx) })
	proctest.Parked(t, "(*Sender).Flush", 1)
	require.NoError(t, r.Close())
	require.ErrorIs(t, awaitSoon(t, flushed), ipc.ErrDisconnected)
}
