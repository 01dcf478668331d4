package ipc_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// collect returns a function for Consume that appends copies of the messages to got.
func collect(got *[]string) func([]byte) error {
	return func(msg []byte) error {
		*got = append(*got, string(msg))
		return nil
	}
}

func TestConsumeTakesUpToMax(t *testing.T) {
	s, r := newPair(t, in(t))
	send(t, s, "1", "2", "3", "4", "5")
	var got []string
	n, err := r.Consume(background(t), 2, collect(&got))
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Equal(t, []string{"1", "2"}, got)
	recv(t, r, "3")
	n, err = r.Consume(background(t), 100, collect(&got))
	require.NoError(t, err)
	require.Equal(t, 2, n, "want only the messages present, without waiting for more")
	require.Equal(t, []string{"1", "2", "4", "5"}, got)
	requireEmpty(t, r)
}

func TestConsumeWithoutMaxTakesAllThatIsThere(t *testing.T) {
	for _, limit := range []int{0, -1} {
		s, r := newPair(t, in(t))
		send(t, s, "single")
		_, err := s.SendBatch(background(t), batch("b", 20))
		require.NoError(t, err)
		var got []string
		n, err := r.Consume(background(t), limit, collect(&got))
		require.NoError(t, err)
		require.Equal(t, 21, n)
		require.Len(t, got, 21)
		requireEmpty(t, r)
	}
}

func TestConsumeMayStopWithinABatch(t *testing.T) {
	s, r := newPair(t, in(t))
	_, err := s.SendBatch(background(t), batch("b", 10))
	require.NoError(t, err)
	var got []string
	for _, limit := range []int{3, 1, 4} {
		n, err := r.Consume(background(t), limit, collect(&got))
		require.NoError(t, err)
		require.Equal(t, limit, n)
	}
	require.Len(t, got, 8)
	recv(t, r, numbered("b", 8), numbered("b", 9))
	requireEmpty(t, r)
}

func TestConsumeWaitsForOne(t *testing.T) {
	o := in(t)
	o.Heartbeat, o.Spin = slow, -1
	s, r := newPair(t, o)
	ctx := background(t)
	var got []string
	done := async(func() error {
		_, err := r.Consume(ctx, 0, collect(&got))
		return err
	})
	proctest.Parked(t, "(*Receiver).Consume", 1)
	send(t, s, "awaited")
	require.NoError(t, awaitSoon(t, done))
	require.Equal(t, []string{"awaited"}, got)
}

func TestConsumeWithAnExpiredContextTakesWhatIsThere(t *testing.T) {
	s, r := newPair(t, in(t))
	send(t, s, "there")
	var got []string
	n, err := r.Consume(expired(t), 0, collect(&got))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	n, err = r.Consume(expired(t), 0, collect(&got))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Zero(t, n)
	require.Len(t, got, 1)
}

func TestConsumeKeepsAMessageWhoseFunctionFailed(t *testing.T) {
	s, r := newPair(t, in(t))
	send(t, s, "good", "bad", "later")
	broken := errors.New("broken")
	calls := 0
	fn := func(msg []byte) error {
		calls++
		if string(msg) == "bad" {
			return broken
		}
		return nil
	}
	n, err := r.Consume(background(t), 0, fn)
	require.ErrorIs(t, err, broken)
	require.Equal(t, 1, n)
	require.Equal(t, 2, calls, "want no calls after the failure")

	n, err = r.Consume(background(t), 0, fn)
	require.ErrorIs(t, err, broken, "want the same message again")
	require.Zero(t, n)
	recv(t, r, "bad", "later")
	requireEmpty(t, r)
}

func TestConsumeKeepsAMessageOfABatchWhoseFunctionFailed(t *testing.T) {
	s, r := newPair(t, in(t))
	_, err := s.SendBatch(background(t), batch("b", 5))
	require.NoError(t, err)
	broken := errors.New("broken")
	seen := 0
	n, err := r.Consume(background(t), 0, func([]byte) error {
		if seen++; seen == 3 {
			return broken
		}
		return nil
	})
	require.ErrorIs(t, err, broken)
	require.Equal(t, 2, n)
	recv(t, r, numbered("b", 2), numbered("b", 3), numbered("b", 4))
	requireEmpty(t, r)
}

func TestConsumeKeepsAMessageWhoseFunctionPanicked(t *testing.T) {
	s, r := newPair(t, in(t))
	send(t, s, "fine", "boom", "later")
	require.PanicsWithValue(t, "boom", func() {
		_, _ = r.Consume(background(t), 0, func(msg []byte) error {
			if string(msg) == "boom" {
				panic("boom")
			}
			return nil
		})
	})
	recv(t, r, "boom", "later")
	requireEmpty(t, r)
}

func TestConsumeGivesTheRoomBack(t *testing.T) {
	o := in(t)
	o.Capacity = 4096
	s, r := newPair(t, o)
	n := fill(t, s, make([]byte, 100))
	taken, err := r.Consume(background(t), 0, func([]byte) error { return nil })
	require.NoError(t, err)
	require.Equal(t, n, taken)
	require.GreaterOrEqual(t, fill(t, s, make([]byte, 100)), n-1)
}

func TestConsumedMessageStaysWholeWhileInHand(t *testing.T) {
	o := in(t)
	o.Capacity = 4096
	s, r := newPair(t, o)
	send(t, s, "in use")
	_, err := r.Consume(background(t), 1, func(msg []byte) error {
		fill(t, s, make([]byte, 100))
		require.Equal(t, "in use", string(msg), "want its space not reused")
		return nil
	})
	require.NoError(t, err)
}

func TestFailedConsumeLeavesTheReceiverUsable(t *testing.T) {
	s, r := newPair(t, in(t))
	send(t, s, "x")
	_, err := r.Consume(background(t), 1, func([]byte) error { return context.Canceled })
	require.ErrorIs(t, err, context.Canceled)
	recv(t, r, "x")
	require.NoError(t, s.Close())
	_, err = r.Consume(background(t), 1, func([]byte) error { return nil })
	require.ErrorIs(t, err, ipc.ErrDisconnected)
}
