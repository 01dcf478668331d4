package ipc_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

func TestCloseUnblocksItsOwnReceiver(t *testing.T) {
	calls := map[string]func(*ipc.Receiver) error{
		"Recv": func(r *ipc.Receiver) error { _, err := r.Recv(t.Context()); return err },
		"RecvAppend": func(r *ipc.Receiver) error {
			_, err := r.RecvAppend(t.Context(), nil)
			return err
		},
		"Consume": func(r *ipc.Receiver) error {
			_, err := r.Consume(t.Context(), 0, func([]byte) error { return nil })
			return err
		},
		"Next": func(r *ipc.Receiver) error { _, err := r.Next(t.Context()); return err },
	}
	for method, call := range calls {
		t.Run(method, func(t *testing.T) {
			o := in(t)
			o.Heartbeat, o.Spin = slow, -1
			_, r := newPair(t, o)
			blocked := async(func() error { return call(r) })
			proctest.Parked(t, "(*Receiver)."+method, 1)
			require.NoError(t, r.Close())
			require.ErrorIs(t, awaitSoon(t, blocked), ipc.ErrClosed)
		})
	}
}

func TestCloseUnblocksItsOwnSender(t *testing.T) {
	calls := map[string]func(*ipc.Sender) error{
		"Send": func(s *ipc.Sender) error { return s.Send(t.Context(), make([]byte, 1000)) },
		"SendBatch": func(s *ipc.Sender) error {
			_, err := s.SendBatch(t.Context(), [][]byte{make([]byte, 1000)})
			return err
		},
		"Claim": func(s *ipc.Sender) error { _, err := s.Claim(t.Context(), 1000); return err },
		"Flush": func(s *ipc.Sender) error { return s.Flush(t.Context()) },
	}
	for method, call := range calls {
		t.Run(method, func(t *testing.T) {
			o := in(t)
			o.Capacity, o.Heartbeat, o.Spin = 4096, slow, -1
			s, _ := newPair(t, o)
			fill(t, s, make([]byte, 1000))
			blocked := async(func() error { return call(s) })
			proctest.Parked(t, "(*Sender)."+method, 1)
			require.NoError(t, s.Close())
			require.ErrorIs(t, awaitSoon(t, blocked), ipc.ErrClosed)
		})
	}
}

func TestCloseUnblocksEveryGoroutineOfASender(t *testing.T) {
	const goroutines = 5
	o := in(t)
	o.Capacity, o.Heartbeat, o.Spin = 4096, slow, -1
	s, r := newPair(t, o)
	n := fill(t, s, make([]byte, 1000))
	var blocked []<-chan error
	for range goroutines {
		blocked = append(blocked, async(func() error { return s.Send(t.Context(), make([]byte, 1000)) }))
	}
	proctest.Parked(t, "(*Sender).Send", goroutines)
	require.NoError(t, s.Close())
	for _, b := range blocked {
		require.ErrorIs(t, awaitSoon(t, b), ipc.ErrClosed)
	}
	for range n {
		_, err := r.Recv(background(t))
		require.NoError(t, err)
	}
	requireDisconnected(t, r)
}

func TestCloseUnblocksASendBehindAnOpenClaim(t *testing.T) {
	s, r := newPair(t, in(t))
	claim(t, s, "open")
	blocked := async(func() error { return s.Send(t.Context(), []byte("x")) })
	proctest.Parked(t, "(*Sender).Send", 1)
	require.NoError(t, s.Close())
	require.ErrorIs(t, awaitSoon(t, blocked), ipc.ErrClosed)
	requireDisconnected(t, r)
}

func TestCloseIsIdempotent(t *testing.T) {
	s, r := newPair(t, in(t))
	for range 3 {
		require.NoError(t, s.Close())
	}
	for range 3 {
		require.NoError(t, r.Close())
	}
}

func TestCloseFromManyGoroutinesAtOnce(t *testing.T) {
	for range 20 {
		s, r := newPair(t, in(t))
		var closed []<-chan error
		for range 4 {
			closed = append(closed, async(s.Close), async(r.Close))
		}
		for _, c := range closed {
			require.NoError(t, await(t, c))
		}
	}
}

func requireSenderClosed(t testing.TB, s *ipc.Sender) {
	t.Helper()
	msg := []byte("x")
	require.ErrorIs(t, s.Send(expired(t), msg), ipc.ErrClosed)
	require.ErrorIs(t, s.TrySend(msg), ipc.ErrClosed)
	n, err := s.SendBatch(expired(t), [][]byte{msg})
	require.ErrorIs(t, err, ipc.ErrClosed)
	require.Zero(t, n)
	_, err = s.Claim(expired(t), 1)
	require.ErrorIs(t, err, ipc.ErrClosed)
	require.ErrorIs(t, s.Flush(expired(t)), ipc.ErrClosed)
	_, err = s.Clone()
	require.ErrorIs(t, err, ipc.ErrClosed)
}

func requireReceiverClosed(t testing.TB, r *ipc.Receiver) {
	t.Helper()
	_, err := r.Recv(expired(t))
	require.ErrorIs(t, err, ipc.ErrClosed)
	_, err = r.TryRecv()
	require.ErrorIs(t, err, ipc.ErrClosed)
	_, err = r.RecvAppend(expired(t), nil)
	require.ErrorIs(t, err, ipc.ErrClosed)
	_, err = r.Consume(expired(t), 1, func([]byte) error { return nil })
	require.ErrorIs(t, err, ipc.ErrClosed)
}

func TestAfterItsCloseASenderIsClosedWhateverThePeerDid(t *testing.T) {
	s, r := newPair(t, in(t))
	require.NoError(t, s.Close())
	requireSenderClosed(t, s)
	require.NoError(t, r.Close())
	requireSenderClosed(t, s)
}

func TestAfterItsCloseAReceiverIsClosedWhateverThePeerDid(t *testing.T) {
	s, r := newPair(t, in(t))
	send(t, s, "unread")
	require.NoError(t, r.Close())
	requireReceiverClosed(t, r)
	require.NoError(t, s.Close())
	requireReceiverClosed(t, r)
}

func TestClosedReceiverWasDisconnectedBefore(t *testing.T) {
	s, r := newPair(t, in(t))
	require.NoError(t, s.Close())
	requireDisconnected(t, r)
	require.NoError(t, r.Close())
	requireReceiverClosed(t, r)
}

func TestStatsOfAClosedEndpointDoNotFail(t *testing.T) {
	s, r := newPair(t, in(t))
	send(t, s, "x")
	require.NoError(t, s.Close())
	require.NoError(t, r.Close())
	require.NotPanics(t, func() {
		s.Stats()
		r.Stats()
	})
}
