package ipc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
	"github.com/shmchan/shmchan/shm"
)

// A sender that comes and goes between the publishing of a channel and the end of
// its receiver's constructor has been there all the same.
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

// A receiver that replaces a dead channel holds the dead one's lock meanwhile:
// nobody may take that for life.
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

// dieAsReceiver leaves what a killed receiver leaves: a slot that is live and a
// lock that is free.
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
