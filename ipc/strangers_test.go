package ipc_test

import (
	"context"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// strangerRole tries every way to access a channel and reports the error of each.
func strangerRole(args []string) int {
	o := decode(args)
	ctx := context.Background()
	raw := func(flag int) error {
		f, err := os.OpenFile(path(o), flag, 0)
		if err == nil {
			_ = f.Close()
		}
		return err
	}
	for _, try := range []func() error{
		func() error { _, err := ipc.NewReceiver(ctx, name, o); return err },
		func() error { _, err := ipc.NewSender(ctx, name, o); return err },
		func() error { _, err := ipc.NewSender(ctx, name, creating(o)); return err },
		func() error { _, err := ipc.Inspect(name, o); return err },
		func() error { return ipc.Remove(name, o) },
		func() error { return ipc.ForceRemove(name, o) },
		func() error { return raw(os.O_RDONLY) },
		func() error { return raw(os.O_RDWR) },
		func() error { return os.Remove(path(o)) },
		func() error { _, err := ipc.List(o); return err },
	} {
		proctest.Say("%s", kind(try()))
	}
	return 0
}

const strangerCalls = 10 // the last one is List

func TestStrangerCantReadWriteAttachListOrRemove(t *testing.T) {
	requireRoot(t)
	for what, mode := range map[string]fs.FileMode{"in a private directory": 0o700, "in a world-readable directory": 0o755} {
		t.Run(what, func(t *testing.T) {
			o := in(t)
			require.NoError(t, os.Chmod(o.Dir, mode))
			s, r := newPair(t, o)
			before, err := os.ReadFile(path(o))
			require.NoError(t, err)
			p := proctest.StartAs(t, stranger, "stranger", encode(t, o))
			for call := range strangerCalls {
				want := "permission"
				if call == strangerCalls-1 && mode == 0o755 {
					want = "ok" // List returns the names, each with a permission error
				}
				require.Equal(t, want, p.Line(), "call %d", call)
			}
			require.Zero(t, p.Wait())
			after, err := os.ReadFile(path(o))
			require.NoError(t, err)
			require.Equal(t, string(before[:controlAt]), string(after[:controlAt]))
			send(t, s, "unhurt")
			recv(t, r, "unhurt")
		})
	}
}

func TestSquattedDirectoryIsRefused(t *testing.T) {
	requireRoot(t)
	parent := proctest.Dir(t)
	o := &ipc.Options{Dir: filepath.Join(parent, "squatted")}
	for what, squat := range map[string]func() error{
		"another user's":           func() error { return errorsOf(os.Mkdir(o.Dir, 0o700), os.Chown(o.Dir, stranger, stranger)) },
		"link to an own directory": func() error { return os.Symlink("/root", o.Dir) },
		"dangling link":            func() error { return os.Symlink(filepath.Join(parent, "nowhere"), o.Dir) },
		"file":                     func() error { return os.WriteFile(o.Dir, nil, 0o600) },
		"world-writable":           func() error { return errorsOf(os.Mkdir(o.Dir, 0o700), os.Chmod(o.Dir, 0o777)) },
		"fifo that would block":    func() error { return syscall.Mkfifo(o.Dir, 0o600) },
	} {
		t.Run(what, func(t *testing.T) {
			require.NoError(t, squat())
			requireRefused(t, o)
			if _, err := ipc.List(o); what != "another user's" { // root may read it
				require.Error(t, err)
			}
			require.NoFileExists(t, filepath.Join(parent, "nowhere"))
			require.NoError(t, os.Remove(o.Dir))
		})
	}
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A process that may write the directory swaps the file for a link to another channel,
// a fifo or another user's file, between any two checks of NewSender.
func TestFileSwappedWhileItIsOpenedIsNeverFollowed(t *testing.T) {
	requireRoot(t)
	o, target := in(t), in(t)
	newReceiver(t, o)
	newReceiver(t, target)
	real := filepath.Join(o.Dir, "real")
	require.NoError(t, os.Rename(path(o), real))
	baits := map[string]func(at string) error{
		"link": func(at string) error { return os.Symlink(path(target), at) },
		"fifo": func(at string) error { return syscall.Mkfifo(at, 0o600) },
		"alien": func(at string) error {
			return errorsOf(os.WriteFile(at, make([]byte, 100), 0o600), os.Chown(at, stranger, stranger))
		},
	}
	for bait, lay := range baits {
		require.NoError(t, lay(filepath.Join(o.Dir, bait)))
	}
	stop, done := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() {
		close(stop)
		<-done
		require.NoError(t, os.RemoveAll(o.Dir))
		require.NoError(t, os.Mkdir(o.Dir, 0o700))
	})
	go func() { // the name denotes the real file half of the time
		defer close(done)
		for !over(stop) {
			for bait := range baits {
				_ = os.Rename(real, path(o))
				_ = os.Rename(path(o), real)
				_ = os.Rename(filepath.Join(o.Dir, bait), path(o))
				_ = os.Rename(path(o), filepath.Join(o.Dir, bait))
			}
		}
	}()
	results := map[string]int{}
	for range 5000 {
		s, err := ipc.NewSender(context.Background(), name, o)
		if err == nil {
			err = s.Close()
		}
		results[kind(err)]++
		require.NotContains(t, kind(err), "other", "%v", err)
	}
	t.Log(results)
	raw, err := os.ReadFile(path(target))
	require.NoError(t, err)
	require.Zero(t, binary.LittleEndian.Uint64(raw[controlAt+0x200:]), "a sender attached: the link was followed")
}

// A service run by root shares its channel with a group, by a directory with the setgid
// bit that root owns, and a Mode that lets the group write.
func TestGroupSharesAChannelInASetgidDirectory(t *testing.T) {
	requireRoot(t)
	o := in(t)
	o.Mode = 0o660
	require.NoError(t, os.Chown(o.Dir, 0, stranger))
	require.NoError(t, os.Chmod(o.Dir, 0o770|fs.ModeSetgid))
	r := newReceiver(t, o)
	info, err := os.Stat(path(o))
	require.NoError(t, err)
	require.EqualValues(t, stranger, info.Sys().(*syscall.Stat_t).Gid, "the directory's group")

	member := proctest.StartAs(t, stranger, "sender", encode(t, o)) // its group ID is the same number
	member.Expect("ready")
	require.Equal(t, "ok", member.Ask("send of the group"))
	recv(t, r, "of the group")
	member.Kill()
	outsider := proctest.StartAs(t, stranger+1, "stranger", encode(t, o))
	for range strangerCalls {
		outsider.Expect("permission")
	}

	// A member owns the channel that it creates there: the other members must not trust it.
	theirs := with(o, func(o *ipc.Options) { o.Label = "theirs" })
	require.NoError(t, r.Close())
	p := proctest.StartAs(t, stranger, "receiver", encode(t, theirs))
	p.Expect("ready")
	_, err = ipc.NewSender(background(t), name, o)
	require.ErrorIs(t, err, fs.ErrPermission)
	require.True(t, strings.Contains(err.Error(), "belongs to user"), "%v", err)
	require.Equal(t, "ok", p.Ask("close"))
}
