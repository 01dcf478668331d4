package ipc

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/proctest"
)

// What a call does after it gave the lock back, Close may have overtaken: then the
// ring is unmapped.
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
