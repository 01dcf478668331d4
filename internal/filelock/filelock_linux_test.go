package filelock

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func open(t *testing.T, path string) int {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return int(f.Fd())
}

func TestTwoOpensOfOneProcessExcludeEachOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	a, b := open(t, path), open(t, path)
	ok, err := TryLock(a, 3, 1)
	require.NoError(t, err)
	require.True(t, ok)

	ok, err = TryLock(b, 3, 1)
	require.NoError(t, err)
	require.False(t, ok, "the byte is held")
	ok, err = TryLock(b, 4, 1)
	require.NoError(t, err)
	require.True(t, ok, "its neighbour is free")

	held, at, err := Held(b, 0, 100)
	require.NoError(t, err)
	require.True(t, held)
	require.EqualValues(t, 3, at)
	held, _, err = Held(b, 5, 100)
	require.NoError(t, err)
	require.False(t, held)

	require.NoError(t, Unlock(a, 3, 1))
	held, _, err = Held(b, 3, 1)
	require.NoError(t, err)
	require.False(t, held)
}

func TestOwnLocksAreNotHeldByOthers(t *testing.T) {
	fd := open(t, filepath.Join(t.TempDir(), "f"))
	ok, err := TryLock(fd, 0, 10)
	require.NoError(t, err)
	require.True(t, ok)
	held, _, err := Held(fd, 0, 10)
	require.NoError(t, err)
	require.False(t, held)
}

func TestClosingAnotherDescriptorKeepsTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	a, b := open(t, path), open(t, path)
	ok, err := TryLock(a, 0, 1)
	require.NoError(t, err)
	require.True(t, ok)
	other, err := os.Open(path)
	require.NoError(t, err)
	require.NoError(t, other.Close())
	held, _, err := Held(b, 0, 1)
	require.NoError(t, err)
	require.True(t, held, "a classic fcntl lock would have been released")
}

func TestReadOnlyDescriptorMayProbe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	a := open(t, path)
	ok, err := TryLock(a, 7, 1)
	require.NoError(t, err)
	require.True(t, ok)
	ro, err := os.Open(path)
	require.NoError(t, err)
	defer ro.Close()
	held, at, err := Held(int(ro.Fd()), 0, 50)
	require.NoError(t, err)
	require.True(t, held)
	require.EqualValues(t, 7, at)
}
