package ipc_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

func TestDurableChannelKeepsUnreadMessages(t *testing.T) {
	o := in(t)
	o.Durable = true
	s, r := newPair(t, o)
	send(t, s, "read", "unread")
	recv(t, r, "read")
	require.NoError(t, r.Close())
	require.NoError(t, s.Close())
	require.FileExists(t, path(o))

	again := newReceiver(t, o)
	recv(t, again, "unread")
	requireDisconnected(t, again)
	require.NoError(t, again.Close())
	remove(t, o)
}

func TestDurableSendersWaitForTheNextReceiver(t *testing.T) {
	o := in(t)
	o.Durable, o.Capacity, o.Heartbeat = true, 4096, slow
	s, r := newPair(t, o)
	require.NoError(t, r.Close())
	send(t, s, "kept")
	n := fill(t, s, make([]byte, 100))
	waited := strings.Repeat("w", 100)
	ctx := background(t)
	sent := async(func() error { return s.Send(ctx, []byte(waited)) })
	proctest.Parked(t, "(*Sender).Send", 1)

	late := newSender(t, o) // may join without a receiver
	again := newReceiver(t, o)
	recv(t, again, "kept")
	for range n {
		_, err := again.Recv(ctx)
		require.NoError(t, err)
	}
	recv(t, again, waited)
	require.NoError(t, await(t, sent))
	send(t, late, "late")
	recv(t, again, "late")
	require.NoError(t, s.Close())
	require.NoError(t, late.Close())
	require.NoError(t, again.Close())
	remove(t, o)
}

func TestSuccessorOfAKilledDurableReceiverSeesUnreleasedMessages(t *testing.T) {
	o := in(t)
	o.Durable = true
	p := startReceiver(t, o)
	s := newSender(t, o)
	send(t, s, "released", "held", "unread")
	require.Equal(t, "got released", p.Ask("recv"))
	require.Equal(t, "holds held", p.Ask("hold"))
	p.Kill()

	r := newReceiver(t, o)
	recv(t, r, "held", "unread")
	requireEmpty(t, r)
	require.NoError(t, s.Close())
	require.NoError(t, r.Close())
	remove(t, o)
}

func TestDurableChannelGoesOnAfterDisconnect(t *testing.T) {
	o := in(t)
	o.Durable = true
	s, r := newPair(t, o)
	require.NoError(t, s.Close())
	requireDisconnected(t, r)
	next := newSender(t, o)
	send(t, next, "for the next receiver")
	require.NoError(t, next.Close())
	require.NoError(t, r.Close())
	again := newReceiver(t, o)
	recv(t, again, "for the next receiver")
	require.NoError(t, again.Close())
	remove(t, o)
}
