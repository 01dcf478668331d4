package ipc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

const quick = 20 * time.Millisecond // a heartbeat so short that a stall shows soon

// senderStates reports the state of the channel's only sender as seen by each
// kind of observer.
func senderStates(t testing.TB, o *ipc.Options, r *ipc.Receiver) []ipc.State {
	t.Helper()
	inspected, err := ipc.Inspect(name, o)
	require.NoError(t, err)
	var states []ipc.State
	for _, stats := range []ipc.Stats{inspected, r.Stats()} {
		require.Len(t, stats.Senders, 1)
		states = append(states, stats.Senders[0].State)
	}
	return states
}

// requireAliveSoon waits until every observer reports the sender alive. On a busy
// machine the sender may miss some heartbeats.
func requireAliveSoon(t testing.TB, o *ipc.Options, r *ipc.Receiver) {
	t.Helper()
	proctest.Eventually(t, "every observer reports the sender alive", func() bool {
		s := senderStates(t, o, r)
		return s[0] == ipc.StateAlive && s[1] == ipc.StateAlive
	})
}

func TestStoppedSenderIsShownAsStalledAndRecovers(t *testing.T) {
	for where, start := range starters {
		t.Run(where, func(t *testing.T) {
			o := in(t)
			o.Heartbeat = quick
			r := newReceiver(t, o)
			p := start(t, "sender", encode(t, o))
			p.Expect("ready")
			requireAliveSoon(t, o, r)
			p.Stop()
			proctest.Eventually(t, "every observer reports the sender stalled", func() bool {
				s := senderStates(t, o, r)
				return s[0] == ipc.StateStalled && s[1] == ipc.StateStalled
			})
			require.Greater(t, r.Stats().Senders[0].BeatAge, 2*quick)
			require.Zero(t, r.Stats().Deaths)

			p.Cont()
			requireAliveSoon(t, o, r)
			require.Equal(t, "ok", p.Ask("send whole again"))
			recv(t, r, "whole again")
		})
	}
}

func TestStoppedSenderKeepsItsClaim(t *testing.T) {
	o := in(t)
	o.Heartbeat = quick
	r := newReceiver(t, o)
	p := startSender(t, o)
	require.Equal(t, "ok", p.Ask("claim mine, however long it takes"))
	p.Stop()
	other := newSender(t, o)
	send(t, other, "second")
	proctest.Eventually(t, "ten heartbeats are missing", func() bool {
		return r.Stats().Senders[0].BeatAge > 10*quick
	})
	requireEmpty(t, r)
	_, err := r.Recv(brief(t))
	require.Equal(t, "deadline", kind(err))
	require.NotNil(t, r.Stats().Senders[0].Claim)

	p.Cont()
	require.Equal(t, "ok", p.Ask("commit"))
	recv(t, r, "mine, however long it takes", "second")
	require.Zero(t, r.Stats().Skipped)
}

func TestStoppedSenderKeepsItsSlotAndTheChannelConnected(t *testing.T) {
	o := in(t)
	o.Heartbeat, o.MaxSenders = quick, 1
	r := newReceiver(t, o)
	p := startSender(t, o)
	p.Stop()
	proctest.Eventually(t, "it is stalled", func() bool {
		return r.Stats().Senders[0].State == ipc.StateStalled
	})
	requireEmpty(t, r)
	_, err := ipc.NewSender(background(t), name, o)
	require.ErrorIs(t, err, ipc.ErrNoSlot)
	p.Cont()
	require.Equal(t, "ok", p.Ask("send here I am"))
	recv(t, r, "here I am")
}

func TestStoppedReceiverIsShownAsStalledAndGoesOn(t *testing.T) {
	o := in(t)
	o.Capacity, o.Heartbeat = 4096, quick
	p := startReceiver(t, o)
	s := newSender(t, o)
	p.Stop()
	proctest.Eventually(t, "it is stalled", func() bool {
		stats := s.Stats()
		return stats.Receiver != nil && stats.Receiver.State == ipc.StateStalled
	})
	require.False(t, s.Stats().Dead)
	send(t, s, "waiting for you")
	fill(t, s, make([]byte, 1000))
	require.Equal(t, "deadline", kind(s.Send(brief(t), make([]byte, 1000))), "full, not disconnected")
	_, err := ipc.NewReceiver(background(t), name, o)
	require.ErrorIs(t, err, ipc.ErrBusy)

	p.Cont()
	require.Equal(t, "got waiting for you", p.Ask("recv"))
	require.NoError(t, s.Send(background(t), []byte("x")))
	require.Equal(t, "ok", p.Ask("close"))
}

func TestKilledWhileStoppedIsDead(t *testing.T) {
	o := in(t)
	o.Heartbeat = quick
	r := newReceiver(t, o)
	p := startSender(t, o)
	require.Equal(t, "ok", p.Ask("claim torn"))
	p.Stop()
	requireEmpty(t, r)
	p.Kill()
	requireDisconnected(t, r)
	require.Equal(t, uint64(1), r.Stats().Skipped)
}
