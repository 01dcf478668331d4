package ipc_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

func TestExpiredContextStillTakesAMessageThatIsThere(t *testing.T) {
	s, r := newPair(t, in(t))
	send(t, s, "there")
	msg, err := r.Recv(expired(t))
	require.NoError(t, err)
	require.Equal(t, "there", string(msg))
	_, err = r.Recv(expired(t))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestExpiredContextStillSendsWhereThereIsRoom(t *testing.T) {
	o := in(t)
	o.Capacity = 4096
	s, r := newPair(t, o)
	require.NoError(t, s.Send(expired(t), []byte("room")))
	n, err := s.SendBatch(expired(t), [][]byte{[]byte("for"), []byte("more")})
	require.NoError(t, err)
	require.Equal(t, 2, n)
	c, err := s.Claim(expired(t), 0)
	require.NoError(t, err)
	require.NoError(t, c.Commit())
	recv(t, r, "room", "for", "more", "")

	fill(t, s, make([]byte, 100))
	require.ErrorIs(t, s.Send(expired(t), make([]byte, 100)), context.DeadlineExceeded)
	n, err = s.SendBatch(expired(t), [][]byte{make([]byte, 100)})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Zero(t, n)
}

func TestExpiredContextLearnsOfDisconnection(t *testing.T) {
	s, r := newPair(t, in(t))
	require.NoError(t, s.Close())
	_, err := r.Recv(expired(t))
	require.ErrorIs(t, err, ipc.ErrDisconnected)

	s, r = newPair(t, in(t))
	require.NoError(t, r.Close())
	require.ErrorIs(t, s.Send(expired(t), nil), ipc.ErrDisconnected)
}

func TestCancelWakesItsOwnReceiverAtOnce(t *testing.T) {
	o := in(t)
	o.Heartbeat, o.Spin = slow, -1
	s, r := newPair(t, o)
	for range 5 {
		ctx, cancel := context.WithCancel(background(t))
		got := async(func() error {
			_, err := r.Recv(ctx)
			return err
		})
		proctest.Parked(t, "(*Receiver).Recv", 1)
		cancel()
		require.ErrorIs(t, awaitSoon(t, got), context.Canceled)
	}
	send(t, s, "unharmed")
	recv(t, r, "unharmed")
}

func TestCancelWakesItsOwnSenderAtOnce(t *testing.T) {
	o := in(t)
	o.Capacity, o.Heartbeat, o.Spin = 4096, slow, -1
	s, r := newPair(t, o)
	n := fill(t, s, make([]byte, 100))
	for range 5 {
		ctx, cancel := context.WithCancel(background(t))
		sent := async(func() error { return s.Send(ctx, make([]byte, 100)) })
		proctest.Parked(t, "(*Sender).Send", 1)
		cancel()
		require.ErrorIs(t, awaitSoon(t, sent), context.Canceled)
	}
	// Canceled sends leave nothing in the ring.
	for range n {
		_, err := r.Recv(background(t))
		require.NoError(t, err)
	}
	requireEmpty(t, r)
	send(t, s, "unharmed")
	recv(t, r, "unharmed")
}

func TestCancelOfOneGoroutineLeavesTheOthersWaiting(t *testing.T) {
	o := in(t)
	o.Capacity, o.Heartbeat, o.Spin = 4096, slow, -1
	s, r := newPair(t, o)
	n := fill(t, s, make([]byte, 1000))
	ctx, cancel := context.WithCancel(background(t))
	first := async(func() error { return s.Send(ctx, make([]byte, 1000)) })
	proctest.Parked(t, "(*Sender).Send", 1)
	long := background(t)
	second := async(func() error { return s.Send(long, []byte(strings.Repeat("2", 1000))) })
	proctest.Parked(t, "(*Sender).Send", 2)
	cancel()
	require.ErrorIs(t, awaitSoon(t, first), context.Canceled)
	for range n {
		_, err := r.Recv(background(t))
		require.NoError(t, err)
	}
	require.NoError(t, awaitSoon(t, second))
	recv(t, r, strings.Repeat("2", 1000))
}

func TestCancelWakesAWaitingConstructor(t *testing.T) {
	o := waiting(in(t))
	o.Heartbeat = slow
	ctx, cancel := context.WithCancel(background(t))
	got := async(func() error {
		_, err := ipc.NewSender(ctx, name, o)
		return err
	})
	proctest.Parked(t, "ipc.NewSender", 1)
	cancel()
	require.ErrorIs(t, awaitSoon(t, got), context.Canceled)
}

func TestCancelWakesFlushClaimAndConsume(t *testing.T) {
	o := in(t)
	o.Capacity, o.Heartbeat, o.Spin = 4096, slow, -1
	s, r := newPair(t, o)
	fill(t, s, make([]byte, 1000))
	calls := map[string]func(context.Context) error{
		"(*Sender).Flush": s.Flush,
		"(*Sender).Claim": func(ctx context.Context) error { _, err := s.Claim(ctx, 1000); return err },
		"(*Receiver).Consume": func(ctx context.Context) error {
			for {
				if _, err := r.Consume(ctx, 0, func([]byte) error { return nil }); err != nil {
					return err
				}
			}
		},
	}
	for _, method := range []string{"(*Sender).Flush", "(*Sender).Claim", "(*Receiver).Consume"} {
		ctx, cancel := context.WithCancel(background(t))
		got := async(func() error { return calls[method](ctx) })
		proctest.Parked(t, method, 1)
		cancel()
		require.ErrorIs(t, awaitSoon(t, got), context.Canceled, method)
	}
}

func TestCancelRacingAMessageLosesNothing(t *testing.T) {
	s, r := newPair(t, in(t))
	for i := range 300 {
		ctx, cancel := context.WithCancel(background(t))
		got := async(func() string {
			msg, err := r.Recv(ctx)
			if err != nil {
				return kind(err)
			}
			return string(msg)
		})
		sent := async(func() error { return s.TrySend([]byte(numbered("m", i))) })
		cancel()
		require.NoError(t, await(t, sent))
		if g := await(t, got); g == "canceled" {
			recv(t, r, numbered("m", i))
		} else {
			require.Equal(t, numbered("m", i), g)
		}
	}
	requireEmpty(t, r)
}
