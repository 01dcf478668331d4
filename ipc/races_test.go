package ipc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
	"github.com/shmchan/shmchan/shm"
)

// A sender that joins and closes before NewReceiver returns, but after the channel is
// published, still counts as a sender that has gone.
func TestSenderThatComesAndGoesWhileTheReceiverAttachesIsCounted(t *testing.T) {
	o := in(t)
	waiting := *o
	waiting.Wait, waiting.Heartbeat = true, time.Millisecond
	for range 100 {
		gone := async(func() error {
			s, err := ipc.NewSender(background(t), name, &waiting)
			if err != nil {
				return err
			}
			return s.Close()
		})
		r := newReceiver(t, o)
		_, err := r.Recv(background(t))
		require.ErrorIs(t, err, ipc.ErrDisconnected)
		require.NoError(t, await(t, gone))
		require.NoError(t, r.Close())
	}
}

// A receiver that replaces a dead channel holds the dead channel's lock. Senders must
// not take that lock for a live receiver.
func TestSenderNeverJoinsADeadChannelThatIsBeingReplaced(t *testing.T) {
	o := in(t)
	waiting := *o
	waiting.Wait, waiting.Heartbeat = true, time.Millisecond
	for range 100 {
		dieAsReceiver(t, o)
		sent := async(func() error {
			s, err := ipc.NewSender(background(t), name, &waiting)
			if err != nil {
				return err
			}
			if err := s.Send(background(t), []byte("hello")); err != nil {
				return err
			}
			return s.Close()
		})
		r := newReceiver(t, o)
		recv(t, r, "hello")
		require.NoError(t, await(t, sent))
		require.NoError(t, r.Close())
	}
}

// dieAsReceiver leaves the state of a killed receiver: a live slot and a free lock.
func dieAsReceiver(t *testing.T, o *ipc.Options) {
	t.Helper()
	seg, err := shm.Create(shm.Place{Dir: o.Dir, Base: name}, shm.Config{})
	require.NoError(t, err)
	ok, err := seg.LockReceiver()
	require.NoError(t, err)
	require.True(t, ok)
	seg.AttachReceiver(shm.Owner{}, time.Second)
	require.NoError(t, seg.Publish())
	require.NoError(t, seg.Close())
}
