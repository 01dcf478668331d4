package ipc_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

// In a directory that other users may not write, a second name is no attack: both
// names open the same channel.
func TestSecondNameIsHarmlessInAPrivateDirectory(t *testing.T) {
	o := in(t)
	r := newReceiver(t, o)
	const second = "second"
	require.NoError(t, os.Link(path(o), filepath.Join(o.Dir, second)))
	for _, n := range []string{name, second} {
		s, err := ipc.NewSender(background(t), n, o)
		require.NoError(t, err)
		send(t, s, "by "+n)
		require.NoError(t, s.Close())
		_, err = ipc.NewReceiver(background(t), n, o)
		require.ErrorIs(t, err, ipc.ErrBusy, "both names share the locks")
		require.ErrorIs(t, ipc.Remove(n, o), ipc.ErrBusy)
		stats, err := ipc.Inspect(n, o)
		require.NoError(t, err)
		require.NotNil(t, stats.Receiver)
	}
	recv(t, r, "by "+name, "by "+second)
	require.NoError(t, ipc.ForceRemove(second, o))
	require.FileExists(t, path(o))
}

// A channel and its snapshot by `cp -al` can each be removed without the other.
func TestHardLinkSnapshotDoesNotAffectTheChannel(t *testing.T) {
	o := in(t)
	o.Durable = true
	require.NoError(t, ipc.Create(name, o))
	snapshot := filepath.Join(o.Dir, "snapshot")
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(snapshot)) })
	for range 2 {
		out, err := exec.Command("cp", "-al", path(o), snapshot).CombinedOutput()
		require.NoError(t, err, "%s", out)
		s, r := newPairOnce(t, o)
		send(t, s, "kept")
		require.NoError(t, s.Close())
		recv(t, r, "kept")
		require.NoError(t, r.Close())
		require.NoError(t, ipc.Remove(name, o))
		require.NoFileExists(t, path(o))
		require.FileExists(t, snapshot)
		require.NoError(t, ipc.Create(name, o))
		require.NoError(t, os.Remove(snapshot))
	}
	require.NoError(t, ipc.ForceRemove(name, o))
}

// If other users may write to the directory, a second name may lead to another user's
// channel. The error says how to fix that, and ForceRemove removes only the name.
func TestSecondNameIsRefusedWhereOthersMayWrite(t *testing.T) {
	for what, mode := range map[string]fs.FileMode{"sticky": 0o777 | fs.ModeSticky, "of a group": 0o770} {
		t.Run(what, func(t *testing.T) {
			o, private := in(t), in(t)
			o.Mode, private.Mode = 0o660, 0o660
			s, r := newPair(t, private)
			require.NoError(t, os.Chmod(o.Dir, mode))
			require.NoError(t, os.Link(path(private), path(o)))
			for op, open := range map[string]func() error{
				"receiver": func() error { _, err := ipc.NewReceiver(background(t), name, o); return err },
				"sender":   func() error { _, err := ipc.NewSender(background(t), name, o); return err },
				"creator":  func() error { return ipc.Create(name, o) },
				"inspect":  func() error { _, err := ipc.Inspect(name, o); return err },
				"remove":   func() error { return ipc.Remove(name, o) },
			} {
				err := open()
				require.ErrorIs(t, err, fs.ErrPermission, op)
				for _, want := range []string{path(o), "2 names (hard links)", "another user", "find ", "shmchan rm --force"} {
					require.ErrorContains(t, err, want, op)
				}
			}
			send(t, s, "unharmed")
			require.NoError(t, ipc.ForceRemove(name, o))
			require.NoFileExists(t, path(o))
			send(t, s, "still unharmed")
			recv(t, r, "unharmed", "still unharmed")
			makes(t, name, o)
		})
	}
}

// A creator that dies between linking the name and unlinking the temporary one leaves
// both. The next process that opens the channel removes the temporary one, even if
// other users may write to the directory.
func TestTemporaryNameOfADeadMakerIsRemoved(t *testing.T) {
	for what, mode := range map[string]fs.FileMode{"private": 0o700, "sticky": 0o777 | fs.ModeSticky} {
		t.Run(what, func(t *testing.T) {
			o := in(t)
			require.NoError(t, os.Chmod(o.Dir, mode))
			r := newReceiver(t, o)
			temp := filepath.Join(o.Dir, ".shmchan-ABCDEFGHIJKLMNOPQRSTUVWXYZ")
			require.NoError(t, os.Link(path(o), temp))
			s := newSender(t, o)
			require.NoFileExists(t, temp)
			send(t, s, "one name again")
			recv(t, r, "one name again")
		})
	}
}

// The file system supports neither O_TMPFILE nor flags of renameat2: see confinedRole.
func TestMakerWithoutNamelessFilesLeavesNothing(t *testing.T) {
	o := in(t)
	stale := filepath.Join(o.Dir, ".shmchan-"+"22222222222222222222222222")
	require.NoError(t, os.WriteFile(stale, []byte("of a dead creator"), 0o600))
	foreign := filepath.Join(o.Dir, ".shmchan-0123456789abcdef-64")
	require.NoError(t, os.WriteFile(foreign, nil, 0o600))
	p := startConfined(t, "naming", 95, "receiver", encode(t, o))
	p.Expect("ready")
	left, err := os.ReadDir(o.Dir)
	require.NoError(t, err)
	var names []string
	for _, e := range left {
		names = append(names, e.Name())
	}
	require.ElementsMatch(t, []string{filepath.Base(foreign), name}, names)
	s := newSender(t, o)
	send(t, s, "hello")
	require.Equal(t, "got hello", p.Ask("recv"))
	require.Equal(t, "ok", p.Ask("close"))
	require.NoFileExists(t, path(o))
	require.NoError(t, os.Remove(foreign))
}

// Removing one name leaves the channel usable by the other.
func TestRemovingASecondNameLeavesTheChannel(t *testing.T) {
	for what, remove := range map[string]func(string, *ipc.Options) error{
		"Remove": ipc.Remove, "ForceRemove": ipc.ForceRemove, "RemoveUnused": func(other string, o *ipc.Options) error {
			require.Error(t, ipc.RemoveUnused(other, o), "it holds a message")
			return ipc.Remove(other, o)
		},
	} {
		t.Run(what, func(t *testing.T) {
			o := in(t)
			o.Durable = true
			require.NoError(t, ipc.Create(name, o))
			s := newSender(t, o)
			send(t, s, "kept")
			require.NoError(t, s.Close())
			require.NoError(t, os.Link(path(o), path(o)+"-snapshot"))
			require.NoError(t, remove(name+"-snapshot", o))
			require.NoFileExists(t, path(o)+"-snapshot")
			r := newReceiver(t, o)
			recv(t, r, "kept")
			require.NoError(t, r.Close())
			require.NoError(t, ipc.Remove(name, o))
		})
	}
}
