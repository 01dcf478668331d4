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

// In a directory that nobody else may write to a second name is nobody's attack:
// ends that come by either name meet in the same channel.
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
		require.ErrorIs(t, err, ipc.ErrBusy, "the locks are the same")
		require.ErrorIs(t, ipc.Remove(n, o), ipc.ErrBusy)
		stats, err := ipc.Inspect(n, o)
		require.NoError(t, err)
		require.NotNil(t, stats.Receiver)
	}
	recv(t, r, "by "+name, "by "+second)
	require.NoError(t, ipc.ForceRemove(second, o))
	require.FileExists(t, path(o))
}

// A snapshot by `cp -al` outlives the channel, and the channel it.
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

// Where others may write, the name may be another channel's; what mends it is said,
// and a removal by force takes the name and nothing else.
func TestSecondNameIsRefusedWhereOthersMayWrite(t *testing.T) {
	for what, mode := range map[string]fs.FileMode{"sticky": 0o777 | fs.ModeSticky, "of a group": 0o770} {
		t.Run(what, func(t *testing.T) {
			o, private := in(t), in(t)
			o.Mode, private.Mode = 0o660, 0o660
			s, r := newPair(t, private)
			require.NoError(t, os.Chmod(o.Dir, mode))
			require.NoError(t, os.Link(path(private), path(o)))
			for door, open := range map[string]func() error{
				"receiver": func() error { _, err := ipc.NewReceiver(background(t), name, o); return err },
				"sender":   func() error { _, err := ipc.NewSender(background(t), name, o); return err },
				"creator":  func() error { return ipc.Create(name, o) },
				"inspect":  func() error { _, err := ipc.Inspect(name, o); return err },
				"remove":   func() error { return ipc.Remove(name, o) },
			} {
				err := open()
				require.ErrorIs(t, err, fs.ErrPermission, door)
				for _, want := range []string{path(o), "2 names (hard links)", "another user", "find ", "shmchan rm --force"} {
					require.ErrorContains(t, err, want, door)
				}
			}
			send(t, s, "unhurt")
			require.NoError(t, ipc.ForceRemove(name, o))
			require.NoFileExists(t, path(o))
			send(t, s, "still unhurt")
			recv(t, r, "unhurt", "still unhurt")
			makes(t, name, o)
		})
	}
}

// The names that a maker leaves that dies between the two: another process takes
// the temporary one away when it opens the channel, also where others may write.
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

// A maker where the file system can do neither in one step: see confinedRole.
func TestMakerWithoutNamelessFilesLeavesNothing(t *testing.T) {
	o := in(t)
	stale := filepath.Join(o.Dir, ".shmchan-"+"22222222222222222222222222")
	require.NoError(t, os.WriteFile(stale, []byte("of a dead maker"), 0o600))
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

// Removing one name leaves the channel to those who have the other.
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
