package ipc_test

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

func TestReceiverDrainsBeforeItIsDisconnected(t *testing.T) {
	s, r := newPair(t, in(t))
	send(t, s, "one", "two", "three")
	require.NoError(t, s.Close())
	recv(t, r, "one", "two", "three")
	requireDisconnected(t, r)
}

func TestReceiverIsDisconnectedAgainAtEachFurtherCall(t *testing.T) {
	s, r := newPair(t, in(t))
	require.NoError(t, s.Close())
	for range 3 {
		requireDisconnected(t, r)
		_, err := r.TryRecv()
		require.ErrorIs(t, err, ipc.ErrDisconnected)
		_, err = r.RecvAppend(background(t), nil)
		require.ErrorIs(t, err, ipc.ErrDisconnected)
		n, err := r.Consume(background(t), 1, func([]byte) error { return nil })
		require.ErrorIs(t, err, ipc.ErrDisconnected)
		require.Zero(t, n)
	}
}

func TestChannelThatNoSenderHasJoinedIsOnlyEmpty(t *testing.T) {
	r := newReceiver(t, in(t))
	requireEmpty(t, r)
	_, err := r.Recv(brief(t))
	require.NotErrorIs(t, err, ipc.ErrDisconnected)
	require.Error(t, err)
	requireEmpty(t, r)
}

func TestOneOfTwoSendersMayGo(t *testing.T) {
	o := in(t)
	first, r := newPair(t, o)
	second := newSender(t, o)
	require.NoError(t, first.Close())
	requireEmpty(t, r)
	send(t, second, "still here")
	recv(t, r, "still here")
	require.NoError(t, second.Close())
	requireDisconnected(t, r)
}

func TestLastSendersCloseWakesTheReceiver(t *testing.T) {
	o := in(t)
	o.Heartbeat, o.Spin = slow, -1
	s, r := newPair(t, o)
	ctx := background(t)
	got := async(func() error {
		_, err := r.Recv(ctx)
		return err
	})
	proctest.Parked(t, "(*Receiver).Recv", 1)
	require.NoError(t, s.Close())
	require.ErrorIs(t, awaitSoon(t, got), ipc.ErrDisconnected)
}

func TestSendAfterTheReceiverHasGone(t *testing.T) {
	s, r := newPair(t, in(t))
	send(t, s, "never read")
	require.NoError(t, r.Close())

	msg := []byte("still mine")
	for range 2 {
		require.ErrorIs(t, s.Send(background(t), msg), ipc.ErrDisconnected)
		require.ErrorIs(t, s.TrySend(msg), ipc.ErrDisconnected)
		n, err := s.SendBatch(background(t), [][]byte{msg, msg})
		require.ErrorIs(t, err, ipc.ErrDisconnected)
		require.Zero(t, n)
		_, err = s.Claim(background(t), 1)
		require.ErrorIs(t, err, ipc.ErrDisconnected)
		require.ErrorIs(t, s.Flush(background(t)), ipc.ErrDisconnected)
	}
	require.Equal(t, "still mine", string(msg), "the caller still has the message")
}

func TestSendToAFullRingWithoutReceiverIsDisconnectedNotFull(t *testing.T) {
	o := in(t)
	o.Capacity = 4096
	s, r := newPair(t, o)
	fill(t, s, make([]byte, 100))
	require.NoError(t, r.Close())
	require.ErrorIs(t, s.TrySend(make([]byte, 100)), ipc.ErrDisconnected)
}

func TestReceiversCloseWakesEveryBlockedSender(t *testing.T) {
	const senders = 4
	o := in(t)
	o.Capacity, o.Heartbeat, o.Spin = 4096, slow, -1
	s, r := newPair(t, o)
	fill(t, s, make([]byte, 100))
	ctx := background(t)
	var sent []<-chan error
	for range senders {
		c, err := s.Clone()
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, c.Close()) })
		sent = append(sent, async(func() error { return c.Send(ctx, make([]byte, 100)) }))
	}
	proctest.Parked(t, "(*Sender).Send", senders)
	require.NoError(t, r.Close())
	for _, c := range sent {
		require.ErrorIs(t, awaitSoon(t, c), ipc.ErrDisconnected)
	}
}

func TestReceiversCloseWakesASenderOfAnotherProcess(t *testing.T) {
	o := in(t)
	o.Capacity, o.Heartbeat, o.Spin = 4096, slow, -1
	r := newReceiver(t, o)
	p := startSender(t, o)
	require.Contains(t, p.Ask("fill 0123456789"), "full")
	require.Equal(t, "blocking", p.Ask("block-send 0123456789"))
	require.NoError(t, r.Close())
	p.Expect("sent disconnected")
}

func TestAfterDisconnectTheChannelIsGoneForNewSenders(t *testing.T) {
	o := in(t)
	s, r := newPair(t, o)
	require.NoError(t, s.Close())
	requireDisconnected(t, r)

	_, err := ipc.NewSender(background(t), name, o)
	require.ErrorIs(t, err, fs.ErrNotExist)
	requireDisconnected(t, r)

	// A sender with Create makes a new channel, which the old receiver's Close does
	// not remove.
	late := newSender(t, with(o, func(o *ipc.Options) { o.Create = true }))
	send(t, late, "for the next")
	requireDisconnected(t, r)
	require.NoError(t, r.Close())
	next := newReceiver(t, o)
	recv(t, next, "for the next")
}

func TestSenderThatComesBeforeTheReceiverNoticedIsNotCutOff(t *testing.T) {
	o := in(t)
	s, r := newPair(t, o)
	require.NoError(t, s.Close())
	next, err := ipc.NewSender(background(t), name, o)
	require.NoError(t, err, "the receiver has not returned ErrDisconnected yet")
	defer next.Close()
	requireEmpty(t, r)
	send(t, next, "carry on")
	recv(t, r, "carry on")
}

func TestBothEndpointsMayCloseAtOnce(t *testing.T) {
	o := in(t)
	for range 50 {
		s, r := newPair(t, o)
		send(t, s, "dropped")
		closed := async(s.Close)
		require.NoError(t, r.Close())
		require.NoError(t, await(t, closed))
		require.NoFileExists(t, path(o))
	}
}

func TestSendAndReceiversCloseAtOnce(t *testing.T) {
	o := in(t)
	for range 50 {
		s, r := newPair(t, o)
		ctx := background(t)
		sent := async(func() error { return s.Send(ctx, []byte("x")) })
		require.NoError(t, r.Close())
		require.Contains(t, []string{"ok", "disconnected"}, kind(await(t, sent)))
		require.NoError(t, s.Close())
	}
}

func TestRecvAndLastSendersCloseAtOnce(t *testing.T) {
	o := in(t)
	o.Heartbeat = slow
	for range 50 {
		s, r := newPair(t, o)
		ctx := background(t)
		got := async(func() error {
			_, err := r.Recv(ctx)
			return err
		})
		require.NoError(t, s.Close())
		require.ErrorIs(t, awaitSoon(t, got), ipc.ErrDisconnected)
		require.NoError(t, r.Close())
	}
}
