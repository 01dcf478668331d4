package shm

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

// replaceFallocate replaces fallocate with fn until the test ends.
func replaceFallocate(t testing.TB, fn func(fd int, mode uint32, at, n int64) error) {
	old := fallocate
	fallocate = fn
	t.Cleanup(func() { fallocate = old })
}

func refuseFallocate(t testing.TB, err error) {
	replaceFallocate(t, func(int, uint32, int64, int64) error { return err })
}

// emptyFile opens a file that is removed when the test ends.
func emptyFile(t testing.TB) int {
	t.Helper()
	f, err := os.CreateTemp(proctest.Dir(t), "")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	require.NoError(t, os.Remove(f.Name()))
	return int(f.Fd())
}

// requireAllocated checks that the file has the size, and no holes.
func requireAllocated(t testing.TB, fd int, size int64) {
	t.Helper()
	var st unix.Stat_t
	require.NoError(t, unix.Fstat(fd, &st))
	require.Equal(t, size, st.Size)
	require.GreaterOrEqual(t, st.Blocks*512, st.Size)
}

func TestAllocationGoesForwardThoughLongCallsAreInterrupted(t *testing.T) {
	for _, longest := range []int64{1 << 20, 100_000, 4096} {
		fd := emptyFile(t)
		const size = 3<<20 + 4096
		interrupted := 0
		replaceFallocate(t, func(fd int, mode uint32, at, n int64) error {
			if n > longest {
				interrupted++
				return unix.EINTR
			}
			return unix.Fallocate(fd, mode, at, n)
		})
		require.NoError(t, allocate(t.Context(), fd, size))
		require.Positive(t, interrupted)
		requireAllocated(t, fd, size)
	}
}

func TestContextEndsAnAllocationThatIsInterruptedForEver(t *testing.T) {
	refuseFallocate(t, unix.EINTR)
	cause := errors.New("the cause")
	fd := emptyFile(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
		defer cancel()
		start := time.Now()
		err := allocate(ctx, fd, 1<<20)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, cause)
		require.ErrorContains(t, err, "0 of 1048576 bytes were allocated, as signals interrupt every call")
		require.Equal(t, time.Second, time.Since(start))
	})
}

func TestCallThatIsInterruptedForEverIsGivenUp(t *testing.T) {
	refuseFallocate(t, unix.EINTR)
	const size = 2<<20 + 4096
	fd := emptyFile(t)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		require.NoError(t, allocate(context.Background(), fd, size), "zeroes are written instead")
		require.InDelta(t, patience, time.Since(start), float64(maxPause))
		requireAllocated(t, fd, size)
	})
	old := pwrite
	defer func() { pwrite = old }()
	pwrite = func(int, []byte, int64) (int, error) { return -1, unix.EINTR }
	synctest.Test(t, func(t *testing.T) {
		require.ErrorIs(t, allocate(context.Background(), fd, size), unix.EINTR)
	})
	pwrite = func(int, []byte, int64) (int, error) { return 0, nil }
	refuseFallocate(t, unix.EOPNOTSUPP)
	require.ErrorIs(t, allocate(t.Context(), fd, size), io.ErrShortWrite)
}

// A constructor that need not wait succeeds with an expired context; a few
// interruptions do not count as a wait.
func TestContextThatHadEndedBeforeDoesNotFailAnAllocation(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	calls := 0
	replaceFallocate(t, func(fd int, mode uint32, at, n int64) error {
		if calls++; calls%3 != 0 {
			return unix.EINTR
		}
		return unix.Fallocate(fd, mode, at, n)
	})
	s, err := CreateContext(ctx, placeIn(t), Config{Capacity: 1 << 20})
	require.NoError(t, err)
	require.Greater(t, calls, 2)
	requireAllocated(t, s.fd, int64(s.head.fileSize))
	require.NoError(t, s.Discard())
}

func TestContextThatEndsMeanwhileIsNoticedBetweenPieces(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var asked int64
	replaceFallocate(t, func(_ int, _ uint32, at, n int64) error {
		require.LessOrEqual(t, n, int64(maxPiece))
		if asked = at + n; asked >= 1<<30 {
			cancel()
		}
		return nil
	})
	p := placeIn(t)
	_, err := CreateContext(ctx, p, Config{Capacity: MaxCapacity})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, p.Path())
	require.NotContains(t, err.Error(), "smaller capacity")
	require.LessOrEqual(t, asked, int64(1<<30+maxPiece))
	requireNames(t, p.Dir)
}

// What the file itself had allocated when the file system became full is free again.
func TestNoRoomForTheLastPieceCountsTheOthersAsFree(t *testing.T) {
	root := proctest.Dir(t)
	do := smallDisk(t, root)
	dir := filepath.Join(root, "d")
	replaceFallocate(t, func(fd int, mode uint32, at, n int64) error {
		if n > 1<<20 {
			return unix.EINTR
		}
		return unix.Fallocate(fd, mode, at, n)
	})
	var err error
	do(func() { _, err = Create(Place{Dir: dir, Base: "ch"}, Config{Capacity: 4 << 20, MaxSenders: 1}) })
	require.ErrorIs(t, err, unix.ENOSPC)
	require.ErrorContains(t, err, "and 2097152 are free")
}

func TestOpenThatIsInterruptedForEverWalksInstead(t *testing.T) {
	old := openat2
	defer func() { openat2 = old }()
	for _, errno := range []error{unix.EINTR, unix.EAGAIN} {
		openat2 = func(int, string, *unix.OpenHow) (int, error) { return -1, errno }
		_, err := Open(Place{Dir: proctest.Dir(t), Base: "ch"})
		require.ErrorIs(t, err, os.ErrNotExist)
	}
}
