package ipc_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// batch returns n numbered messages of the sender who.
func batch(who string, n int) [][]byte {
	msgs := make([][]byte, n)
	for i := range msgs {
		msgs[i] = []byte(numbered(who, i))
	}
	return msgs
}

func TestBatchArrivesAsItsMessages(t *testing.T) {
	s, r := newPair(t, in(t))
	msgs := [][]byte{[]byte("one"), nil, []byte("three"), {}, noise(1, 1000)}
	n, err := s.SendBatch(background(t), msgs)
	require.NoError(t, err)
	require.Equal(t, len(msgs), n)
	for _, m := range msgs {
		recv(t, r, string(m))
	}
	requireEmpty(t, r)
	require.Equal(t, uint64(len(msgs)), r.Stats().Messages)
}

func TestEmptyBatchSendsNothing(t *testing.T) {
	s, r := newPair(t, in(t))
	n, err := s.SendBatch(background(t), nil)
	require.NoError(t, err)
	require.Zero(t, n)
	requireEmpty(t, r)
}

func TestBatchesAndSingleMessagesKeepTheirOrder(t *testing.T) {
	s, r := newPair(t, in(t))
	for i := range 50 {
		send(t, s, fmt.Sprint("single", i))
		_, err := s.SendBatch(background(t), batch("b", i))
		require.NoError(t, err)
	}
	for i := range 50 {
		recv(t, r, fmt.Sprint("single", i))
		for j := range i {
			recv(t, r, numbered("b", j))
		}
	}
	requireEmpty(t, r)
}

func TestBatchLargerThanTheRingIsSplit(t *testing.T) {
	const n = 2000
	o := in(t)
	o.Capacity = 4096
	s, r := newPair(t, o)
	ctx := background(t)
	sent := async(func() string {
		n, err := s.SendBatch(ctx, batch("b", n))
		return fmt.Sprint(n, " ", kind(err))
	})
	for i := range n {
		recv(t, r, numbered("b", i))
	}
	require.Equal(t, "2000 ok", await(t, sent))
	requireEmpty(t, r)
}

func TestBatchOfLargestMessagesIsSplit(t *testing.T) {
	o := in(t)
	o.Capacity = 4096
	s, r := newPair(t, o)
	ctx := background(t)
	big := strings.Repeat("x", 2048)
	sent := async(func() string {
		n, err := s.SendBatch(ctx, [][]byte{[]byte(big), []byte(big), []byte("tail"), []byte(big)})
		return fmt.Sprint(n, " ", kind(err))
	})
	recv(t, r, big, big, "tail", big)
	require.Equal(t, "4 ok", await(t, sent))
}

func TestInterruptedBatchCountsTheFirstN(t *testing.T) {
	o := in(t)
	o.Capacity = 4096
	s, r := newPair(t, o)
	n, err := s.SendBatch(brief(t), batch("b", 1000))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Positive(t, n)
	require.Less(t, n, 1000)
	for i := range n {
		recv(t, r, numbered("b", i))
	}
	requireEmpty(t, r)
}

func TestBatchWithAMessageTooLargeSendsTheFirstN(t *testing.T) {
	o := in(t)
	o.Capacity = 4096
	s, r := newPair(t, o)
	n, err := s.SendBatch(background(t), [][]byte{[]byte("a"), []byte("b"), make([]byte, 2049), []byte("c")})
	require.ErrorIs(t, err, ipc.ErrTooLarge)
	require.LessOrEqual(t, n, 2)
	recv(t, r, []string{"a", "b"}[:n]...)
	requireEmpty(t, r)
}

func TestBatchThatFitsIsNotTornApartByOtherSenders(t *testing.T) {
	const batches, size = 200, 10
	o := in(t)
	o.Capacity = 16 << 10
	r := newReceiver(t, o)
	ctx := background(t)
	var done []<-chan error
	for who := range 3 {
		s := newSender(t, o)
		done = append(done, async(func() error {
			for range batches {
				if _, err := s.SendBatch(ctx, batch(fmt.Sprint(who), size)); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	for range 3 * batches {
		msg, err := r.Recv(ctx)
		require.NoError(t, err)
		who, _, _ := strings.Cut(string(msg), "-")
		require.Equal(t, numbered(who, 0), string(msg))
		for i := 1; i < size; i++ {
			recv(t, r, numbered(who, i))
		}
	}
	for _, d := range done {
		require.NoError(t, await(t, d))
	}
}

func TestBatchWaitsForRoom(t *testing.T) {
	o := in(t)
	o.Capacity, o.Heartbeat, o.Spin = 4096, slow, -1
	s, r := newPair(t, o)
	n := fill(t, s, make([]byte, 1000))
	ctx := background(t)
	sent := async(func() string {
		n, err := s.SendBatch(ctx, [][]byte{make([]byte, 900), []byte("end")})
		return fmt.Sprint(n, " ", kind(err))
	})
	proctest.Parked(t, "(*Sender).SendBatch", 1)
	for range n + 1 {
		_, err := r.Recv(ctx)
		require.NoError(t, err)
	}
	recv(t, r, "end")
	require.Equal(t, "2 ok", awaitSoon(t, sent))
}

func TestReceiversCloseInterruptsABatch(t *testing.T) {
	o := in(t)
	o.Capacity, o.Heartbeat = 4096, slow
	s, r := newPair(t, o)
	ctx := background(t)
	sent := async(func() string {
		n, err := s.SendBatch(ctx, batch("b", 1000))
		return fmt.Sprint(n > 0 && n < 1000, " ", kind(err))
	})
	proctest.Parked(t, "(*Sender).SendBatch", 1)
	require.NoError(t, r.Close())
	require.Equal(t, "true disconnected", awaitSoon(t, sent))
}
