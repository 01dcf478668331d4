package ipc_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

// fingerprint returns everything about a file that Inspect must not change.
func fingerprint(t testing.TB, o *ipc.Options) (string, fs.FileMode, time.Time) {
	t.Helper()
	raw, err := os.ReadFile(path(o))
	require.NoError(t, err)
	info, err := os.Stat(path(o))
	require.NoError(t, err)
	return string(raw), info.Mode(), info.ModTime()
}

func TestInspectChangesNoByte(t *testing.T) {
	o := in(t)
	o.Durable, o.Capacity = true, 4096
	require.NoError(t, ipc.Create(name, o))
	// A dead sender leaves recovery to the next process that attaches. Inspect does
	// not attach.
	p := startSender(t, o)
	require.Equal(t, "ok", p.Ask("send unread"))
	require.Equal(t, "ok", p.Ask("claim torn"))
	p.Kill()

	raw, mode, modified := fingerprint(t, o)
	for range 3 {
		stats, err := ipc.Inspect(name, o)
		require.NoError(t, err)
		require.Len(t, stats.Senders, 1)
		require.Equal(t, ipc.StateDead, stats.Senders[0].State)
		require.NotNil(t, stats.Senders[0].Claim)
	}
	rawAfter, modeAfter, modifiedAfter := fingerprint(t, o)
	require.True(t, raw == rawAfter, "bytes changed")
	require.Equal(t, mode, modeAfter)
	require.Equal(t, modified, modifiedAfter)
	remove(t, o)
}

func TestInspectAttachesNowhere(t *testing.T) {
	o := in(t)
	o.MaxSenders, o.Heartbeat = 1, slow
	s, r := newPair(t, o) // the receiver lock and the only slot are taken
	send(t, s, "unread")
	stats, err := ipc.Inspect(name, o)
	require.NoError(t, err)
	require.Equal(t, name, stats.Name)
	require.Equal(t, path(o), stats.Path)
	require.Equal(t, uint64(1), stats.Messages)
	require.Equal(t, uint64(6), stats.Bytes)
	require.Zero(t, stats.Received)
	require.NotNil(t, stats.Receiver)
	require.Equal(t, ipc.StateAlive, stats.Receiver.State)
	require.Len(t, stats.Senders, 1)
	require.False(t, stats.Dead)
	require.WithinDuration(t, time.Now(), stats.Created, time.Minute)

	recv(t, r, "unread")
	require.NoError(t, s.Close())
	requireDisconnected(t, r)
}

func TestInspectOfAMissingChannelIsNotExist(t *testing.T) {
	o := in(t)
	_, err := ipc.Inspect(name, o)
	require.ErrorIs(t, err, fs.ErrNotExist)

	o.Dir = filepath.Join(o.Dir, "missing")
	_, err = ipc.Inspect(name, o)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoDirExists(t, o.Dir, "Inspect creates no directory")
}

func TestRemoveIsBusyWhileAnEndpointIsAlive(t *testing.T) {
	o := in(t)
	o.Durable = true
	s, r := newPair(t, o)
	require.ErrorIs(t, ipc.Remove(name, o), ipc.ErrBusy)
	require.NoError(t, r.Close())
	require.ErrorIs(t, ipc.Remove(name, o), ipc.ErrBusy, "a sender is attached")
	require.NoError(t, s.Close())
	remove(t, o)
	require.ErrorIs(t, ipc.Remove(name, o), fs.ErrNotExist)
}

func TestRemoveIsBusyWhileAnEndpointOfAnotherProcessIsAlive(t *testing.T) {
	o := in(t)
	p := startReceiver(t, o)
	require.ErrorIs(t, ipc.Remove(name, o), ipc.ErrBusy)
	p.Stop()
	require.ErrorIs(t, ipc.Remove(name, o), ipc.ErrBusy, "a stopped process is alive")
	p.Kill()
	remove(t, o)
}

func TestForceRemoveDisconnectsTheEndpoints(t *testing.T) {
	o := in(t)
	o.Heartbeat = quick
	s, r := newPair(t, o)
	require.NoError(t, ipc.ForceRemove(name, o))
	require.NoFileExists(t, path(o))
	require.ErrorIs(t, s.Send(background(t), []byte("x")), ipc.ErrDisconnected)
	requireDisconnected(t, r)

	again, fresh := newPair(t, o)
	send(t, again, "another channel")
	recv(t, fresh, "another channel")
}

func TestCreateMakesAChannelWithoutAnEndpoint(t *testing.T) {
	o := in(t)
	require.NoError(t, ipc.Create(name, o))
	require.ErrorIs(t, ipc.Create(name, o), fs.ErrExist)
	stats, err := ipc.Inspect(name, o)
	require.NoError(t, err)
	require.Nil(t, stats.Receiver)
	require.Empty(t, stats.Senders)
	require.False(t, stats.Dead)

	s := newSender(t, o)
	send(t, s, "first")
	r := newReceiver(t, o)
	recv(t, r, "first")
}

func TestListReportsEveryFile(t *testing.T) {
	o := in(t)
	entries, err := ipc.List(o)
	require.NoError(t, err)
	require.Empty(t, entries)

	b, err := ipc.NewReceiver(background(t), "b", o)
	require.NoError(t, err)
	defer b.Close()
	a, err := ipc.NewReceiver(background(t), "a", o)
	require.NoError(t, err)
	defer a.Close()
	stranger := filepath.Join(o.Dir, "stranger")
	require.NoError(t, os.WriteFile(stranger, []byte("no channel"), 0o600))
	defer os.Remove(stranger)

	entries, err = ipc.List(o)
	require.NoError(t, err)
	require.Len(t, entries, 3)
	require.Equal(t, "a", entries[0].Name)
	require.NoError(t, entries[0].Err)
	require.NotNil(t, entries[0].Stats.Receiver)
	require.Equal(t, "b", entries[1].Name)
	require.Equal(t, "stranger", entries[2].Name)
	require.Error(t, entries[2].Err)
}
