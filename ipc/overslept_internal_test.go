package ipc

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// blockedSend returns a Sender whose Send sleeps on a full ring, with the given
// heartbeat, and the channel's Receiver. It closes both when the test ends.
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

// afterBeats waits for n beats of the sender.
func afterBeats(t *testing.T, s *Sender, n uint64) {
	t.Helper()
	beats, _ := s.me.BeatWords()
	until := beats.Load() + n
	require.Eventually(t, func() bool { return beats.Load() >= until }, patience, time.Millisecond)
}

// The heartbeats do not wake a sleeping sender when nothing has changed.
func TestBeatsLetABlockedSenderSleep(t *testing.T) {
	s, _ := blockedSend(t, minHeartbeat)
	afterBeats(t, s, 2)
	before := s.own.Load()
	afterBeats(t, s, 5*checkEvery)
	require.Equal(t, before, s.own.Load())
}

// A process may die after it changed a sleeper's doorbell and before the wake itself.
func TestSleeperWhoseWakerDiedIsFound(t *testing.T) {
	s, _ := blockedSend(t, minHeartbeat)
	require.False(t, s.waiter.Overslept())
	before := s.own.Load()
	s.waiter.Doorbell().Add(1) // the wake itself never comes
	require.Eventually(t, func() bool { return s.own.Load() != before }, patience, time.Millisecond)
	require.Eventually(t, func() bool { return !s.waiter.Overslept() }, patience, time.Millisecond, "the sender announces itself again")
}
