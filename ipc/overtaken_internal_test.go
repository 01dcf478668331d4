package ipc

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

// Close may run after a call has released the lock. Then the ring is unmapped, and the
// call must not touch it.
func TestCallThatCloseOvertookDoesNotTouchTheRing(t *testing.T) {
	o := &Options{Dir: proctest.Dir(t)}
	r, err := NewReceiver(context.Background(), "ch", o)
	require.NoError(t, err)
	s, err := NewSender(context.Background(), "ch", o)
	require.NoError(t, err)
	require.NoError(t, s.TrySend([]byte("unread")))
	end := s.tx.End()
	require.ErrorIs(t, s.flushed(end), errAgain)
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.flushed(end), ErrClosed)
	require.NoError(t, r.Close())
}

// A receiver finds the ring empty and then checks for senders. Between these steps the
// last sender may send and close: its message is received before ErrDisconnected.
func TestSenderThatSendsAndGoesBetweenTwoLooksIsReceived(t *testing.T) {
	for _, durable := range []bool{false, true} {
		o := &Options{Dir: proctest.Dir(t), Durable: durable}
		r, err := NewReceiver(context.Background(), "ch", o)
		require.NoError(t, err)
		s, err := NewSender(context.Background(), "ch", o)
		require.NoError(t, err)
		require.NoError(t, s.TrySend([]byte("last words")))
		require.NoError(t, s.Close())
		again, err := r.checkDisconnected()
		require.NoError(t, err)
		require.True(t, again)
		msg, err := r.TryRecv()
		require.NoError(t, err)
		require.Equal(t, "last words", string(msg))
		_, err = r.TryRecv()
		require.ErrorIs(t, err, ErrDisconnected)
		require.NoError(t, r.Close())
		if durable {
			require.NoError(t, Remove("ch", o))
		}
	}
}

// A call that waits, or is about to read the ring again, does not hold the lock. Close
// unmaps the ring when the last such call has returned.
func TestCloseWaitsForCallsThatMayTouchTheRing(t *testing.T) {
	o := &Options{Dir: proctest.Dir(t)}
	r, err := NewReceiver(context.Background(), "ch", o)
	require.NoError(t, err)
	s, err := NewSender(context.Background(), "ch", o)
	require.NoError(t, err)
	s.mu.Lock()
	s.sleepers.Add(1)
	s.mu.Unlock()
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	proctest.Parked(t, "(*Sender).Close", 1)
	require.True(t, s.closed.Load(), "later calls return ErrClosed")
	require.False(t, s.ring.Closed(), "the ring is still mapped")
	s.mu.Lock()
	s.sleepers.Add(-1)
	s.awake.Broadcast()
	s.mu.Unlock()
	require.NoError(t, <-closed)
	require.NoError(t, r.Close())
}

// Room that was released just before the sender announced itself notified no sender. The
// sender polls once more after the announcement, and does not sleep.
func TestSenderLooksAgainWhenItIsAnnounced(t *testing.T) {
	o := &Options{Dir: proctest.Dir(t), Heartbeat: maxHeartbeat, Spin: -1}
	r, err := NewReceiver(context.Background(), "ch", o)
	require.NoError(t, err)
	s, err := NewSender(context.Background(), "ch", o)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), proctest.Patience)
	defer cancel()
	start := time.Now()
	require.NoError(t, s.awaitRing(ctx, "send", roomOnceAnnounced{&s.room}, 0))
	require.Less(t, time.Since(start), proctest.Patience/2, "the sender slept")
	require.NoError(t, s.Close())
	require.NoError(t, r.Close())
}

// roomOnceAnnounced waits for room that is released as its sender announces itself.
type roomOnceAnnounced struct{ *roomWait }

func (w roomOnceAnnounced) ready() bool { return w.s.ring.Announced() }
