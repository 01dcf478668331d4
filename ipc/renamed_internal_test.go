package ipc

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/shm"
)

// opened opens a new channel and then removes its name. If again is set, it creates
// another channel of that name.
func opened(t *testing.T, o *Options, again bool) (*opener, *shm.Segment) {
	t.Helper()
	require.NoError(t, Create("ch", o))
	place, opts, err := o.find("ch", false)
	require.NoError(t, err)
	seg, err := shm.Open(place)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, seg.Close()) })
	require.NoError(t, os.Remove(place.Path()))
	if again {
		require.NoError(t, Create("ch", o))
		t.Cleanup(func() { require.NoError(t, Remove("ch", o)) })
	}
	return &opts, seg
}

// An endpoint that has its lock checks that the name still denotes its file. Otherwise
// it would wait in vain for peers, which open the channel by name.
func TestEndpointOfAFileWithoutItsNameStartsAgain(t *testing.T) {
	for what, again := range map[string]bool{"removed": false, "created again": true} {
		t.Run("sender, "+what, func(t *testing.T) {
			opts, seg := opened(t, &Options{Dir: proctest.Dir(t)}, again)
			_, err := opts.joinAs(context.Background(), seg)
			require.ErrorIs(t, err, errAgain)
			requireUntouched(t, seg)
		})
		t.Run("receiver, "+what, func(t *testing.T) {
			opts, seg := opened(t, &Options{Dir: proctest.Dir(t)}, again)
			never := func(*shm.Segment) error { panic("the file has no name") }
			require.ErrorIs(t, opts.takeReceiver(context.Background(), seg, never), errAgain)
			requireUntouched(t, seg)
		})
	}
}

// requireUntouched checks that no endpoint has ever attached to the channel.
func requireUntouched(t *testing.T, seg *shm.Segment) {
	t.Helper()
	require.False(t, seg.Ring().Closed())
	require.Zero(t, seg.Changes())
	require.Zero(t, seg.ReceiverAttachments())
}
