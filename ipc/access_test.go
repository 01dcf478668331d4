package ipc_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

func TestDirectoryOfAnotherUserIsRefused(t *testing.T) {
	requireRoot(t)
	o := in(t)
	require.NoError(t, os.Chown(o.Dir, 12345, 12345))
	requireRefused(t, o)
}

func TestDirectoryThatOthersMayWriteIsRefused(t *testing.T) {
	o := in(t)
	for _, mode := range []fs.FileMode{0o777, 0o702, 0o722} {
		require.NoError(t, os.Chmod(o.Dir, mode))
		requireRefused(t, o)
	}
	require.NoError(t, os.Chmod(o.Dir, 0o755))
	makes(t, name, o)
}

func TestDirectoryOfAGroupNeedsAModeThatLetsTheGroupWrite(t *testing.T) {
	o := in(t)
	require.NoError(t, os.Chmod(o.Dir, 0o770))
	requireRefused(t, o)
	requireRefused(t, with(o, func(o *ipc.Options) { o.Mode = 0o640 }))
	makes(t, name, with(o, func(o *ipc.Options) { o.Mode = 0o660 }))
}

// requireRefused checks that no channel can be created in o's directory, and that
// the error names the directory and is not fs.ErrNotExist.
func requireRefused(t testing.TB, o *ipc.Options) {
	t.Helper()
	for _, make := range []func() error{
		func() error { _, err := ipc.NewReceiver(context.Background(), name, o); return err },
		func() error { _, err := ipc.NewSender(context.Background(), name, creating(o)); return err },
	} {
		err := make()
		require.Error(t, err)
		require.NotErrorIs(t, err, fs.ErrNotExist)
		require.ErrorContains(t, err, o.Dir)
		require.NoFileExists(t, path(o))
	}
}

func TestLinksAreNotFollowed(t *testing.T) {
	o, target := in(t), in(t)
	r := newReceiver(t, target)
	require.NoError(t, os.Symlink(path(target), path(o)))
	requireNoChannel(t, o)
	requireEmpty(t, r)
	requireMode(t, path(o), fs.ModeSymlink|0o777)
	require.NoError(t, os.Remove(path(o)))

	// Nor is a dangling link followed: a careless open would create its target.
	missing := filepath.Join(o.Dir, "missing")
	require.NoError(t, os.Symlink(missing, path(o)))
	requireNoChannel(t, o)
	require.NoFileExists(t, missing)
	require.NoError(t, os.Remove(path(o)))
}

func TestOnlyRegularFilesAreOpened(t *testing.T) {
	for kind, create := range map[string]func(string) error{
		"directory": func(p string) error { return os.Mkdir(p, 0o700) },
		"fifo":      func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"socket":    func(p string) error { return syscall.Mknod(p, syscall.S_IFSOCK|0o600, 0) },
	} {
		t.Run(kind, func(t *testing.T) {
			o := in(t)
			require.NoError(t, create(path(o)))
			requireNoChannel(t, o)
			require.NoError(t, os.Remove(path(o)))
		})
	}
}

func TestFileOfAnotherUserIsRefused(t *testing.T) {
	requireRoot(t)
	o := in(t)
	r := newReceiver(t, o)
	require.NoError(t, os.Chown(path(o), 12345, 12345))
	requireNoChannel(t, o)
	require.NoError(t, os.Chown(path(o), 0, 0))
	require.NoError(t, r.Close())
}

// stranger is a user unrelated to the one that runs the tests.
const stranger = 12345

func TestUserWithoutPermissionIsRefused(t *testing.T) {
	o := in(t)
	require.NoError(t, os.Chmod(o.Dir, 0o755))
	r := newReceiver(t, o)
	p := proctest.StartAs(t, stranger, "sender", encode(t, o))
	p.Expect("permission")
	requireEmpty(t, r)
	require.Zero(t, r.Stats().Tail)
}

func TestUserWhomTheModeLetsInMayJoin(t *testing.T) {
	requireRoot(t) // both users trust the directory only if root owns it
	o := in(t)
	o.Mode = 0o666
	require.NoError(t, os.Chmod(o.Dir, 0o755))
	r := newReceiver(t, o)
	p := proctest.StartAs(t, stranger, "sender", encode(t, o))
	p.Expect("ready")
	require.Equal(t, "ok", p.Ask("send allowed"))
	recv(t, r, "allowed")
	p.Kill()
	requireDisconnected(t, r)
}

// requireNoChannel checks that no operation takes the file at the name for a
// channel, or for a missing one.
func requireNoChannel(t testing.TB, o *ipc.Options) {
	t.Helper()
	for op, open := range map[string]func() error{
		"receiver": func() error { _, err := ipc.NewReceiver(background(t), name, o); return err },
		"sender":   func() error { _, err := ipc.NewSender(background(t), name, o); return err },
		"creator":  func() error { _, err := ipc.NewSender(background(t), name, creating(o)); return err },
		"waiter":   func() error { _, err := ipc.NewSender(brief(t), name, waiting(o)); return err },
		"inspect":  func() error { _, err := ipc.Inspect(name, o); return err },
		"remove":   func() error { return ipc.Remove(name, o) },
	} {
		err := open()
		require.Error(t, err, op)
		require.NotErrorIs(t, err, fs.ErrNotExist, op)
		require.NotErrorIs(t, err, ipc.ErrBusy, op)
		require.ErrorContains(t, err, name, op)
	}
}
