package shm

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

// smallDisk makes a file system of two mebibytes at dir/d, visible only to do's
// thread.
func smallDisk(t *testing.T, dir string, more ...func() error) (do func(func())) {
	t.Helper()
	disk := filepath.Join(dir, "d")
	require.NoError(t, os.Mkdir(disk, 0o700))
	t.Cleanup(func() { require.NoError(t, os.Remove(disk)) })
	steps := []func() error{
		func() error { return unix.Unshare(unix.CLONE_NEWNS) },
		func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") },
		func() error { return unix.Mount("tmpfs", disk, "tmpfs", 0, "size=2m,mode=0700") },
	}
	return onThread(t, append(steps, more...)...)
}

func free(dir string) (uint64, error) {
	var st unix.Statfs_t
	err := unix.Statfs(dir, &st)
	return st.Bavail * uint64(st.Bsize), err
}

func TestNoRoomSaysHowMuchWhereAndWhatToDoAndLeavesNothing(t *testing.T) {
	root := proctest.Dir(t)
	do := smallDisk(t, root)
	dir := filepath.Join(root, "d")
	p := Place{Dir: dir, Base: "ch"}
	var err error
	var left []os.DirEntry
	var freeBefore, freeAfter uint64
	do(func() {
		freeBefore, _ = free(dir)
		_, err = Create(p, Config{Capacity: 4 << 20, MaxSenders: 1})
		freeAfter, _ = free(dir)
		left, _ = os.ReadDir(dir)
	})
	require.ErrorIs(t, err, unix.ENOSPC)
	need := ringOffset(1, uint64(os.Getpagesize())) + 4<<20
	require.ErrorContains(t, err, p.Path())
	require.ErrorContains(t, err, fmt.Sprintf("%d bytes are needed in %s and %d are free", need, dir, freeBefore))
	require.ErrorContains(t, err, "smaller capacity")
	require.ErrorContains(t, err, "another directory")
	require.Empty(t, left)
	require.EqualValues(t, 2<<20, freeBefore)
	require.Equal(t, freeBefore, freeAfter)
}

func TestDiskFilledAfterwardsHurtsNobody(t *testing.T) {
	root := proctest.Dir(t)
	do := smallDisk(t, root)
	dir := filepath.Join(root, "d")
	var s *Segment
	var err, full error
	var left uint64
	do(func() {
		if s, err = Create(Place{Dir: dir, Base: "ch"}, Config{Capacity: 1 << 20}); err == nil {
			full = os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 4<<20), 0o600)
			left, err = free(dir)
		}
	})
	require.NoError(t, err)
	require.ErrorIs(t, full, unix.ENOSPC)
	require.Zero(t, left)
	data := s.Ring().data
	for i := 0; i < len(data); i += 4096 {
		data[i] = 1 // a fault, if the file were sparse
	}
	require.False(t, s.Broken())
	require.NoError(t, s.Close())
}

func TestLimitOfFileSizesIsAnErrorAndNoSignal(t *testing.T) {
	p := placeIn(t)
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_FSIZE, &limit))
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 64 << 10, Max: limit.Max}))
	_, err := Create(p, Config{Capacity: 1 << 20, MaxSenders: 1})
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &limit))
	require.ErrorIs(t, err, unix.EFBIG)
	require.ErrorContains(t, err, p.Path())
	require.ErrorContains(t, err, "ulimit -f")
	requireNames(t, p.Dir)
}

// In a 32-bit program, a channel of another program may exceed the address space.
func TestRingBeyondTheAddressSpaceIsAnErrorAndNotMappedInPart(t *testing.T) {
	for _, h := range []header{
		{fileSize: 1<<63 + 4096, capacity: 1 << 12},
		{fileSize: 1<<62 + 4096, capacity: 1 << 62},
	} {
		_, err := mapFile(-1, &h)
		require.ErrorIs(t, err, unix.ENOMEM)
		require.ErrorContains(t, err, "more than this program's address space")
	}
	_, err := mapReadOnly(-1, &header{fileSize: 1<<63 + 4096})
	require.ErrorIs(t, err, unix.ENOMEM)
}
