package ipc_test

import (
	"context"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// claim claims space for msg and copies it in, without committing.
func claim(t testing.TB, s *ipc.Sender, msg string) *ipc.Claim {
	t.Helper()
	c, err := s.Claim(background(t), len(msg))
	require.NoError(t, err)
	require.Len(t, c.Bytes(), len(msg))
	copy(c.Bytes(), msg)
	return c
}

func TestCommittedClaimIsReceived(t *testing.T) {
	s, r := newPair(t, in(t))
	c := claim(t, s, "in place")
	requireEmpty(t, r)
	require.NoError(t, c.Commit())
	recv(t, r, "in place")
	requireEmpty(t, r)
}

func TestAbortedClaimLeavesNothingToReceive(t *testing.T) {
	s, r := newPair(t, in(t))
	send(t, s, "before")
	require.NoError(t, claim(t, s, "never").Abort())
	send(t, s, "after")
	recv(t, r, "before", "after")
	requireEmpty(t, r)
	require.Equal(t, uint64(2), r.Stats().Messages)
}

func TestRoomOfAbortedClaimsComesBack(t *testing.T) {
	o := in(t)
	o.Capacity = 4096
	s, r := newPair(t, o)
	for range 100 {
		require.NoError(t, claim(t, s, string(make([]byte, 2048))).Abort())
		requireEmpty(t, r)
	}
	send(t, s, "fits")
	recv(t, r, "fits")
}

func TestClaimOfNoBytesIsAnEmptyMessage(t *testing.T) {
	s, r := newPair(t, in(t))
	require.NoError(t, claim(t, s, "").Commit())
	recv(t, r, "")
}

func TestClaimEndsOnce(t *testing.T) {
	s, r := newPair(t, in(t))
	c := claim(t, s, "once")
	require.NoError(t, c.Commit())
	require.ErrorIs(t, c.Commit(), ipc.ErrClosed)
	require.ErrorIs(t, c.Abort(), ipc.ErrClosed)
	recv(t, r, "once")

	c = claim(t, s, "never")
	require.NoError(t, c.Abort())
	require.ErrorIs(t, c.Abort(), ipc.ErrClosed)
	require.ErrorIs(t, c.Commit(), ipc.ErrClosed)
	requireEmpty(t, r)
}

func TestClaimIsReusable(t *testing.T) {
	s, r := newPair(t, in(t))
	for i := range 100 {
		c := claim(t, s, numbered("c", i))
		if i%3 == 0 {
			require.NoError(t, c.Abort())
			continue
		}
		require.NoError(t, c.Commit())
		recv(t, r, numbered("c", i))
	}
	requireEmpty(t, r)
}

func TestWhileAClaimIsOpenItsSendersOtherSendsWait(t *testing.T) {
	o := in(t)
	s, r := newPair(t, o)
	c := claim(t, s, "first")
	require.ErrorIs(t, s.TrySend([]byte("x")), ipc.ErrBusy)
	require.ErrorIs(t, s.Send(brief(t), []byte("x")), context.DeadlineExceeded)
	_, err := s.SendBatch(brief(t), [][]byte{[]byte("x")})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = s.Claim(brief(t), 1)
	require.ErrorIs(t, err, context.DeadlineExceeded)

	ctx := background(t)
	sent := async(func() error { return s.Send(ctx, []byte("second")) })
	proctest.Parked(t, "(*Sender).Send", 1)
	require.NoError(t, c.Commit())
	require.NoError(t, awaitSoon(t, sent))
	recv(t, r, "first", "second")
}

func TestAbortLetsAWaitingSendGoOn(t *testing.T) {
	s, r := newPair(t, in(t))
	c := claim(t, s, "never")
	ctx := background(t)
	sent := async(func() error { return s.Send(ctx, []byte("after")) })
	proctest.Parked(t, "(*Sender).Send", 1)
	require.NoError(t, c.Abort())
	require.NoError(t, awaitSoon(t, sent))
	recv(t, r, "after")
}

func TestOpenClaimHoldsBackWhatOthersSentLater(t *testing.T) {
	o := in(t)
	s, r := newPair(t, o)
	other := newSender(t, o)
	c := claim(t, s, "claimed first")
	send(t, other, "sent second")
	requireEmpty(t, r)
	require.NoError(t, c.Commit())
	recv(t, r, "claimed first", "sent second")
}

func TestCommitWakesTheReceiver(t *testing.T) {
	o := in(t)
	o.Heartbeat, o.Spin = slow, -1
	s, r := newPair(t, o)
	c := claim(t, s, "now")
	ctx := background(t)
	got := async(func() error {
		_, err := r.Recv(ctx)
		return err
	})
	proctest.Parked(t, "(*Receiver).Recv", 1)
	require.NoError(t, c.Commit())
	require.NoError(t, awaitSoon(t, got))
}

func TestAbortOfTheBlockingClaimWakesTheReceiver(t *testing.T) {
	o := in(t)
	o.Heartbeat, o.Spin = slow, -1
	s, r := newPair(t, o)
	other := newSender(t, o)
	c := claim(t, s, "never")
	send(t, other, "behind it")
	ctx := background(t)
	got := async(func() string {
		msg, err := r.Recv(ctx)
		return string(msg) + " " + kind(err)
	})
	proctest.Parked(t, "(*Receiver).Recv", 1)
	require.NoError(t, c.Abort())
	require.Equal(t, "behind it ok", awaitSoon(t, got))
}

func TestCloseAbortsAnOpenClaim(t *testing.T) {
	o := in(t)
	s, r := newPair(t, o)
	other := newSender(t, o)
	c := claim(t, s, "never")
	send(t, other, "goes on")
	require.NoError(t, s.Close())
	require.ErrorIs(t, c.Commit(), ipc.ErrClosed)
	require.ErrorIs(t, c.Abort(), ipc.ErrClosed)
	recv(t, r, "goes on")
	requireEmpty(t, r)
}

func TestCommitAfterTheReceiverHasGoneIsDisconnected(t *testing.T) {
	s, r := newPair(t, in(t))
	c := claim(t, s, "too late")
	require.NoError(t, r.Close())
	require.ErrorIs(t, c.Commit(), ipc.ErrDisconnected)
	require.ErrorIs(t, c.Commit(), ipc.ErrClosed, "a claim is finished by its first Commit")
}

func TestClaimWaitsForRoom(t *testing.T) {
	o := in(t)
	o.Capacity = 4096
	s, r := newPair(t, o)
	fill(t, s, make([]byte, 1000))
	_, err := s.Claim(brief(t), 1000)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = r.Recv(background(t))
	require.NoError(t, err)
	require.NoError(t, claim(t, s, string(make([]byte, 1000))).Commit())
}

func TestClaimChecksItsSize(t *testing.T) {
	o := in(t)
	o.Capacity = 4096
	s, _ := newPair(t, o)
	_, err := s.Claim(background(t), 2049)
	require.ErrorIs(t, err, ipc.ErrTooLarge)
	_, err = s.Claim(background(t), -1)
	require.ErrorIs(t, err, fs.ErrInvalid)
	require.NoError(t, claim(t, s, string(make([]byte, 2048))).Commit(), "a refused claim leaves none open")
}

func TestStatsShowAnOpenClaim(t *testing.T) {
	s, r := newPair(t, in(t))
	send(t, s, "shift the tail")
	require.Nil(t, r.Stats().Senders[0].Claim)
	tail := r.Stats().Tail
	c := claim(t, s, "open")
	at := r.Stats().Senders[0].Claim
	require.NotNil(t, at)
	require.Equal(t, tail, *at)
	require.NoError(t, c.Commit())
	require.Nil(t, r.Stats().Senders[0].Claim)
}
