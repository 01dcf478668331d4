package ipc

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/proctest"
	"github.com/shmchan/shmchan/shm"
)

// opened opens a new channel by its name, and then somebody removes that behind the
// back of all, and perhaps makes another one.
func opened(t *testing.T, o *Options, again bool) (*settings, *shm.Segment) {
	t.Helper()
	require.NoError(t, Create("ch", o))
	place, set, err := o.find("ch", false)
	require.NoError(t, err)
	seg, err := shm.Open(place)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, seg.Close()) })
	require.NoError(t, os.Remove(place.Path()))
	if again {
		require.NoError(t, Create("ch", o))
		t.Cleanup(func() { require.NoError(t, Remove("ch", o)) })
	}
	return &set, seg
}

// An end that has its lock looks whether the name still means its file: else it
// would wait for others, who come by the name, in vain.
func TestEndOfAFileWithoutItsNameStartsAgain(t *testing.T) {
	for what, again := range map[string]bool{"removed": false, "made again": true} {
		t.Run("sender, "+what, func(t *testing.T) {
			set, seg := opened(t, &Options{Dir: proctest.Dir(t)}, again)
			slot := -1
			attach := func(seg *shm.Segment) (err error) {
				slot, err = seg.AttachSender(set.owner(), set.Heartbeat)
				return err
			}
			require.ErrorIs(t, set.joinAs(seg, attach, &slot), errAgain)
			require.Zero(t, slot)
			require.False(t, seg.SenderEnd(slot).Live(), "it has detached")
		})
		t.Run("receiver, "+what, func(t *testing.T) {
			set, seg := opened(t, &Options{Dir: proctest.Dir(t)}, again)
			require.ErrorIs(t, set.takeReceiver(seg), errAgain)
			require.False(t, seg.ReceiverEnd().Live(), "it has not attached")
		})
	}
}

// The receiver may die, or close the channel, while a sender attaches, which must
// not begin on a channel that has no future.
func TestSenderThatAttachedToAFinishedChannelDetaches(t *testing.T) {
	o := &Options{Dir: proctest.Dir(t)}
	r, err := NewReceiver(context.Background(), "ch", o)
	require.NoError(t, err)
	place, set, err := o.find("ch", false)
	require.NoError(t, err)
	seg, err := shm.Open(place)
	require.NoError(t, err)
	slot := -1
	err = set.joinAs(seg, func(seg *shm.Segment) (err error) {
		slot, err = seg.AttachSender(set.owner(), set.Heartbeat)
		seg.Ring().Close()
		return err
	}, &slot)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.False(t, seg.SenderEnd(0).Live(), "it has detached")
	require.NoError(t, seg.Close())
	require.NoError(t, r.Close())
}
