package ipc_test

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

// goOver receives the messages that must come next, in place, without releasing them.
func goOver(t testing.TB, r *ipc.Receiver, want ...string) {
	t.Helper()
	for _, w := range want {
		msg, err := r.TryNext()
		require.NoError(t, err)
		require.Equal(t, w, string(msg))
	}
}

func TestReleaseFirstKeepsTheOthers(t *testing.T) {
	o := in(t)
	s, r := newPair(t, o)
	send(t, s, "a")
	_, err := s.SendBatch(background(t), [][]byte{[]byte("b"), []byte("c"), []byte("d")})
	require.NoError(t, err)
	send(t, s, "e", "f")
	goOver(t, r, "a", "b", "c", "d", "e")
	for _, step := range []struct {
		n    int
		left []string
	}{
		{0, []string{"a", "b", "c", "d", "e", "f"}},
		{2, []string{"c", "d", "e", "f"}},
		{1, []string{"d", "e", "f"}},
		{2, []string{"f"}},
	} {
		require.NoError(t, r.ReleaseFirst(step.n))
		msgs, _ := peek(t, o)
		require.Equal(t, step.left, msgs)
	}
	goOver(t, r, "f")
	require.EqualValues(t, 6, r.Meta().Seq)
	require.NoError(t, r.Release())
	requireEmpty(t, r)
}

func TestReleaseFirstOfMoreThanWereReturnedIsInvalid(t *testing.T) {
	o := in(t)
	s, r := newPair(t, o)
	send(t, s, "a", "b")
	goOver(t, r, "a")
	for _, n := range []int{-1, 2} {
		require.ErrorIs(t, r.ReleaseFirst(n), fs.ErrInvalid)
	}
	require.NoError(t, r.ReleaseFirst(1))
	require.ErrorIs(t, r.ReleaseFirst(1), fs.ErrInvalid)
	recv(t, r, "b")
	require.NoError(t, r.Close())
	require.ErrorIs(t, r.ReleaseFirst(0), ipc.ErrClosed)
}

func TestReleaseFirstWhenTheSendersHaveGone(t *testing.T) {
	o := in(t)
	o.Durable = true
	s, r := newPairOnce(t, o)
	send(t, s, "a", "b", "c")
	goOver(t, r, "a", "b", "c")
	require.NoError(t, s.Close())
	_, err := r.TryNext()
	require.ErrorIs(t, err, ipc.ErrDisconnected)
	require.NoError(t, r.ReleaseFirst(1))
	_, err = r.TryNext()
	require.ErrorIs(t, err, ipc.ErrDisconnected)
	require.NoError(t, r.Close())
	msgs, _ := peek(t, o)
	require.Equal(t, []string{"b", "c"}, msgs)
	remove(t, o)
}

func TestReleaseFirstPastTheClaimOfADeadSender(t *testing.T) {
	o := in(t)
	o.KeepOpen = true
	r := newReceiver(t, o)
	s := newSender(t, o)
	send(t, s, "a")
	p := startSender(t, o)
	require.Equal(t, "ok", p.Ask("claim torn"))
	send(t, s, "b", "c")
	p.Kill()
	goOver(t, r, "a")
	msg, err := r.Next(background(t)) // blocks until the death is noticed
	require.NoError(t, err)
	require.Equal(t, "b", string(msg))
	require.NoError(t, r.ReleaseFirst(2))
	recv(t, r, "c")
}
