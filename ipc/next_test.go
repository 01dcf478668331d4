package ipc_test

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

// next receives the messages that must come next, in place.
func next(t testing.TB, r *ipc.Receiver, want ...string) {
	t.Helper()
	for _, w := range want {
		msg, err := r.Next(background(t))
		require.NoError(t, err)
		require.Equal(t, w, string(msg))
	}
}

func TestNextAdvancesAndReleaseFreesRoom(t *testing.T) {
	s, r := newPair(t, in(t))
	send(t, s, "1", "2", "3")
	next(t, r, "1", "2")
	require.NotZero(t, r.Stats().Used)
	require.NoError(t, r.Release())
	next(t, r, "3")
	require.NoError(t, r.Release())
	require.Zero(t, r.Stats().Used)
	requireEmpty(t, r)
}

func TestRewindStartsAgainAtTheFirstUnreleased(t *testing.T) {
	s, r := newPair(t, in(t))
	send(t, s, "1", "2", "3")
	next(t, r, "1")
	require.NoError(t, r.Release())
	next(t, r, "2", "3")
	require.NoError(t, r.Rewind())
	next(t, r, "2", "3")
	require.NoError(t, r.Rewind())
	recv(t, r, "2", "3")
	requireEmpty(t, r)
}

func TestRewindWithinABatch(t *testing.T) {
	s, r := newPair(t, in(t))
	_, err := s.SendBatch(background(t), batch("b", 6))
	require.NoError(t, err)
	next(t, r, numbered("b", 0), numbered("b", 1))
	require.NoError(t, r.Release())
	next(t, r, numbered("b", 2), numbered("b", 3))
	require.NoError(t, r.Rewind())
	next(t, r, numbered("b", 2))
	require.NoError(t, r.Release())
	recv(t, r, numbered("b", 3), numbered("b", 4), numbered("b", 5))
	requireEmpty(t, r)
}

func TestTryNextHasTryRecvsErrors(t *testing.T) {
	s, r := newPair(t, in(t))
	_, err := r.TryNext()
	require.ErrorIs(t, err, ipc.ErrEmpty)
	_, err = r.Next(expired(t))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	send(t, s, "x")
	msg, err := r.TryNext()
	require.NoError(t, err)
	require.Equal(t, "x", string(msg))
	require.NoError(t, r.Release())
	require.NoError(t, s.Close())
	_, err = r.TryNext()
	require.ErrorIs(t, err, ipc.ErrDisconnected)
	require.NoError(t, r.Close())
	_, err = r.TryNext()
	require.ErrorIs(t, err, ipc.ErrClosed)
}

func TestUnreleasedMessagesOfADurableChannelComeAgain(t *testing.T) {
	o := in(t)
	o.Durable = true
	s, r := newPair(t, o)
	send(t, s, "released", "held")
	next(t, r, "released")
	require.NoError(t, r.Release())
	next(t, r, "held")
	require.NoError(t, r.Close())

	again := newReceiver(t, o)
	recv(t, again, "held")
	require.NoError(t, s.Close())
	require.NoError(t, again.Close())
	remove(t, o)
}

func TestMetaIdentifiesSenderAndRecord(t *testing.T) {
	o := in(t)
	s, r := newPair(t, o)
	p := startSender(t, o)
	send(t, s, "mine")
	require.Equal(t, "ok", p.Ask("send yours"))
	_, err := s.SendBatch(background(t), [][]byte{[]byte("b0"), []byte("b1")})
	require.NoError(t, err)

	recv(t, r, "mine")
	mine := r.Meta()
	require.Equal(t, uint64(1), mine.Seq)
	require.Equal(t, os.Getpid(), mine.PID)
	recv(t, r, "yours")
	yours := r.Meta()
	require.Equal(t, uint64(2), yours.Seq)
	require.Equal(t, p.Pid(), yours.PID)
	require.NotEqual(t, mine.Slot, yours.Slot)
	require.Greater(t, yours.Position, mine.Position)

	_, err = r.Consume(background(t), 0, func(msg []byte) error {
		m := r.Meta()
		require.Equal(t, "b"+string(rune('0'+m.Index)), string(msg))
		require.Equal(t, uint64(3+m.Index), m.Seq)
		require.Equal(t, mine.Slot, m.Slot)
		return nil
	})
	require.NoError(t, err)
}

func TestMetaDoesNotNameTheNextOwnerOfASlot(t *testing.T) {
	o := in(t)
	o.MaxSenders = 1
	r := newReceiver(t, o)
	s := newSender(t, o)
	send(t, s, "before")
	require.NoError(t, s.Close())
	p := startSender(t, o)
	require.Equal(t, "ok", p.Ask("send after"))

	recv(t, r, "before")
	require.Contains(t, []int{0, os.Getpid()}, r.Meta().PID)
	recv(t, r, "after")
	require.Equal(t, p.Pid(), r.Meta().PID)
	require.Zero(t, r.Meta().Slot)
}
