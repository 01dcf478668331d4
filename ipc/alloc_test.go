package ipc_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

// requireAllocs checks how often step allocates once it is warmed up.
func requireAllocs(t *testing.T, want float64, step func() error) {
	t.Helper()
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for range 100 {
		require.NoError(t, step())
	}
	var failed error
	got := testing.AllocsPerRun(2000, func() {
		if err := step(); err != nil {
			failed = err
		}
	})
	require.NoError(t, failed)
	require.Equal(t, want, got, "allocations")
}

// contexts returns one context of each kind. None of them ends during the test.
func contexts(t *testing.T) map[string]context.Context {
	cancellable, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return map[string]context.Context{
		"background":  context.Background(),
		"cancellable": cancellable,
		"deadline":    background(t),
	}
}

func TestSendAndRecvAppendAllocateNothing(t *testing.T) {
	for what, ctx := range contexts(t) {
		t.Run(what, func(t *testing.T) {
			s, r := newPair(t, in(t))
			msg, dst := make([]byte, 64), make([]byte, 0, 64)
			requireAllocs(t, 0, func() error {
				if err := s.Send(ctx, msg); err != nil {
					return err
				}
				_, err := r.RecvAppend(ctx, dst)
				return err
			})
		})
	}
}

func TestTrySendAllocatesNothing(t *testing.T) {
	s, r := newPair(t, in(t))
	msg, dst := make([]byte, 64), make([]byte, 0, 64)
	ctx := context.Background()
	requireAllocs(t, 0, func() error {
		if err := s.TrySend(msg); err != nil {
			return err
		}
		_, err := r.RecvAppend(ctx, dst)
		return err
	})
}

func TestSendBatchAndConsumeAllocateNothing(t *testing.T) {
	for what, ctx := range contexts(t) {
		t.Run(what, func(t *testing.T) {
			s, r := newPair(t, in(t))
			msgs := batch("b", 16)
			sum := 0
			fn := func(msg []byte) error {
				sum += len(msg)
				return nil
			}
			requireAllocs(t, 0, func() error {
				if _, err := s.SendBatch(ctx, msgs); err != nil {
					return err
				}
				_, err := r.Consume(ctx, 0, fn)
				return err
			})
			require.NotZero(t, sum)
		})
	}
}

func TestClaimAndCommitAllocateNothing(t *testing.T) {
	s, r := newPair(t, in(t))
	ctx := context.Background()
	dst := make([]byte, 0, 64)
	requireAllocs(t, 0, func() error {
		c, err := s.Claim(ctx, 64)
		if err != nil {
			return err
		}
		c.Bytes()[63] = 1
		if err := c.Commit(); err != nil {
			return err
		}
		_, err = r.RecvAppend(ctx, dst)
		return err
	})
}

func TestRecvAllocatesItsCopyAlone(t *testing.T) {
	s, r := newPair(t, in(t))
	msg := make([]byte, 64)
	ctx := context.Background()
	requireAllocs(t, 1, func() error {
		if err := s.TrySend(msg); err != nil {
			return err
		}
		_, err := r.Recv(ctx)
		return err
	})
}

func TestRefusalsAllocateNothing(t *testing.T) {
	o := in(t)
	o.Capacity = 4096
	s, r := newPair(t, o)
	requireAllocs(t, 0, func() error {
		if _, err := r.TryRecv(); err == nil {
			return ipc.ErrBusy
		}
		return nil
	})
	fill(t, s, make([]byte, 1000))
	msg := make([]byte, 1000)
	requireAllocs(t, 0, func() error {
		if s.TrySend(msg) == nil {
			return ipc.ErrBusy
		}
		return nil
	})
}
