package shm

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/process"
	"github.com/shmchan/shmchan/internal/test/proctest"
)

// onThread runs steps on a thread of its own, and returns a function that runs
// others there, so that a test can have another root or its own mounts. It skips the
// test if a step is not permitted.
func onThread(t *testing.T, steps ...func() error) (do func(func())) {
	t.Helper()
	requireRoot(t)
	process.BootID() // read once, while there is /proc
	work, done := make(chan func()), make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		defer close(done)
		var err error
		for _, step := range steps {
			if err == nil {
				err = step()
			}
		}
		done <- err
		for fn := range work {
			fn()
			done <- nil
		}
	}()
	t.Cleanup(func() {
		close(work)
		<-done
	})
	if err := <-done; err != nil {
		t.Skipf("not permitted here: %v", err)
	}
	return func(fn func()) {
		work <- fn
		<-done
	}
}

func ownRoot(dir string) []func() error {
	return []func() error{
		func() error { return unix.Unshare(unix.CLONE_FS) },
		func() error { return unix.Chroot(dir) },
	}
}

// withoutProc makes root the root of do's thread, with a directory /d. It has no
// /proc, so a file made without a name could not be named.
func withoutProc(t *testing.T, root string) (do func(func())) {
	t.Helper()
	require.NoError(t, os.Mkdir(filepath.Join(root, "d"), 0o700))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(filepath.Join(root, "d"))) })
	return onThread(t, ownRoot(root)...)
}

func TestWithoutProcASegmentHasATemporaryNameUntilItIsPublished(t *testing.T) {
	root := proctest.Dir(t)
	do := withoutProc(t, root)
	dir, p := filepath.Join(root, "d"), Place{Dir: "/d", Base: "ch"}
	var s, second *Segment
	var err error
	do(func() { s, err = Create(p, Config{Capacity: 1, MaxSenders: 1}) })
	require.NoError(t, err)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.True(t, strings.HasPrefix(entries[0].Name(), ".shmchan-"), "left out of every list")

	do(func() { err = s.Publish() })
	require.NoError(t, err)
	requireNames(t, dir, "ch")
	put(t, s.Ring().NewProducer(0, true), "a")

	do(func() {
		if second, err = Create(p, Config{Capacity: 1}); err == nil {
			err = second.Publish()
		}
	})
	require.ErrorIs(t, err, fs.ErrExist)
	do(func() { err = second.Discard() })
	require.NoError(t, err)
	requireNames(t, dir, "ch")
	do(func() { err = s.Unlink(time.Second) })
	require.NoError(t, err)
	requireNames(t, dir)
	require.NoError(t, s.Close())
}

func TestWithoutProcASegmentThatComesToNothingLeavesNoTemporaryFile(t *testing.T) {
	root := proctest.Dir(t)
	do := smallDisk(t, root, ownRoot(root)...)
	p := Place{Dir: "/d", Base: "ch"}
	var s *Segment
	var err, noRoom error
	var left []os.DirEntry
	do(func() {
		if s, err = Create(p, Config{Capacity: 1}); err == nil {
			err = s.Discard()
		}
		_, noRoom = Create(p, Config{Capacity: 4 << 20})
		left, _ = os.ReadDir("/d")
	})
	require.NoError(t, err)
	require.ErrorIs(t, noRoom, unix.ENOSPC)
	require.Empty(t, left)
}

func TestWithoutProcACloneIsOpenedByName(t *testing.T) {
	do := withoutProc(t, proctest.Dir(t))
	p := Place{Dir: "/d", Base: "ch"}
	var s, clone, other *Segment
	var err error
	do(func() {
		if s, err = Create(p, Config{Capacity: 1, MaxSenders: 1}); err == nil {
			err = s.Publish()
		}
	})
	require.NoError(t, err)
	do(func() { clone, err = s.Clone() })
	require.NoError(t, err)
	requireLock(t, s, true)
	requireLock(t, clone, false)
	put(t, s.Ring().NewProducer(0, true), "a")
	take(t, newConsumer(t, clone.Ring()), "a")

	do(func() {
		err = s.Unlink(time.Second)
		if other, err = Create(p, Config{Capacity: 1}); err == nil {
			err = other.Publish()
		}
	})
	require.NoError(t, err)
	do(func() { _, err = s.Clone() })
	require.ErrorIs(t, err, fs.ErrNotExist, "the name means another file by now")
	for _, e := range []*Segment{s, clone, other} {
		require.NoError(t, e.Close())
	}
}

func TestRenameReplacesNothing(t *testing.T) {
	dir := subdir(t, 0o700, -1)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a"), []byte("a"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "b"), []byte("b"), 0o600))
	d, err := Place{Dir: dir}.open()
	require.NoError(t, err)
	defer d.close()
	require.ErrorIs(t, renameNew(d.fd, "a", "b"), fs.ErrExist)
	requireNames(t, dir, "a", "b")
	require.NoError(t, renameNew(d.fd, "a", "c"))
	requireNames(t, dir, "b", "c")
	require.ErrorIs(t, renameNew(d.fd, "a", "d"), fs.ErrNotExist)
}
