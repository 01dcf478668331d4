package ipc_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

func TestCreatorsMessagesCountAsASenderThatHasGone(t *testing.T) {
	o := in(t)
	s := newSender(t, with(o, func(o *ipc.Options) { o.Create = true }))
	send(t, s, "left", "behind")
	require.NoError(t, s.Close())

	r := newReceiver(t, o)
	recv(t, r, "left", "behind")
	requireDisconnected(t, r)
}

func TestClosedCreatorWithoutMessagesDoesNotDisconnect(t *testing.T) {
	o := in(t)
	s := newSender(t, with(o, func(o *ipc.Options) { o.Create = true }))
	require.NoError(t, s.Close())

	r := newReceiver(t, o)
	requireEmpty(t, r)
}

func TestCloseOfAnAttachedCreatorDisconnects(t *testing.T) {
	o := in(t)
	s := newSender(t, with(o, func(o *ipc.Options) { o.Create = true }))
	r := newReceiver(t, o)
	requireEmpty(t, r)
	require.NoError(t, s.Close())
	requireDisconnected(t, r)
}

// The padding that an aborted claim leaves is not a message.
func TestClosedCreatorWithAnAbortedClaimDoesNotDisconnect(t *testing.T) {
	o := in(t)
	s := newSender(t, with(o, func(o *ipc.Options) { o.Create = true }))
	c, err := s.Claim(background(t), 100)
	require.NoError(t, err)
	require.NoError(t, c.Abort())
	require.NoError(t, s.Close())

	r := newReceiver(t, o)
	requireEmpty(t, r)
	require.Zero(t, r.Stats().Used, "the room is released")
	next := newSender(t, o)
	send(t, next, "first")
	recv(t, r, "first")
	require.NoError(t, next.Close())
	requireDisconnected(t, r)
}

func TestCreatorKilledOverAClaimDoesNotDisconnect(t *testing.T) {
	o := in(t)
	p := startSender(t, with(o, func(o *ipc.Options) { o.Create = true }))
	require.Equal(t, "ok", p.Ask("claim never committed"))
	p.Kill()

	r := newReceiver(t, o)
	requireEmpty(t, r)
	require.Zero(t, r.Stats().Used, "the room is released")
}

func TestMessageBehindADeadCreatorsClaimCountsAsLeft(t *testing.T) {
	o := in(t)
	creator := with(o, func(o *ipc.Options) { o.Create = true })
	p := startSender(t, creator)
	require.Equal(t, "ok", p.Ask("claim never committed"))
	s := newSender(t, o)
	send(t, s, "behind it")
	require.NoError(t, s.Close())
	p.Kill()

	r := newReceiver(t, o)
	recv(t, r, "behind it")
	requireDisconnected(t, r)
}
