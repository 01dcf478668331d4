package ipc

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// blockedSend returns a Sender with a Send that sleeps on a full ring, what beats for
// it every so often, and what ends that.
func blockedSend(t *testing.T, every time.Duration) (*Sender, *Receiver) {
	t.Helper()
	o := &Options{Dir: t.TempDir(), Capacity: 4096, Heartbeat: every}
	r, err := NewReceiver(t.Context(), "full", o)
	require.NoError(t, err)
	s, err := NewSender(t.Context(), "full", o)
	require.NoError(t, err)
	msg := make([]byte, 1000)
	for s.TrySend(msg) == nil {
	}
	sent := make(chan error, 1)
	go func() { sent <- s.Send(context.Background(), msg) }()
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.ErrorIs(t, <-sent, ErrClosed)
		require.NoError(t, r.Close())
	})
	require.Eventually(t, s.ring.Announced, patience, time.Millisecond)
	return s, r
}

const patience = 45 * time.Second

// afterBeats waits for so many beats of the sender.
func afterBeats(t *testing.T, s *Sender, n uint64) {
	t.Helper()
	beats, _ := s.me.BeatWords()
	until := beats.Load() + n
	require.Eventually(t, func() bool { return beats.Load() >= until }, patience, time.Millisecond)
}

// A sender that sleeps is not woken to find that there is nothing new.
func TestBeatsLetABlockedSenderSleep(t *testing.T) {
	s, _ := blockedSend(t, minHeartbeat)
	afterBeats(t, s, 2)
	before := s.own.Load()
	afterBeats(t, s, 5*checkEvery)
	require.Equal(t, before, s.own.Load())
}

// Whoever made a sleeper's bell even, or passed it, may have died before its wake.
func TestSleeperWhoseWakerDiedIsFound(t *testing.T) {
	s, _ := blockedSend(t, minHeartbeat)
	require.False(t, s.waiter.Overslept())
	before := s.own.Load()
	s.waiter.Doorbell().Add(1) // the wake itself never comes
	require.Eventually(t, func() bool { return s.own.Load() != before }, patience, time.Millisecond)
	require.Eventually(t, func() bool { return !s.waiter.Overslept() }, patience, time.Millisecond, "it announces itself again")
}
