package shm

import (
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/busguard"
)

// requireGuard skips the test on systems where a truncation ends the program.
func requireGuard(t *testing.T) {
	t.Helper()
	if !busguard.Supported {
		t.Skipf("there is no guard against truncation on %s", runtime.GOARCH)
	}
}

func TestTruncationIsNoticedOnceTheMissingPartIsTouched(t *testing.T) {
	requireGuard(t)
	p := placeIn(t)
	s := publish(t, p, Config{Capacity: 1})
	ends := s.Ring().NewProducer(0, true)
	put(t, ends, "a")
	require.False(t, s.Broken())
	require.NoError(t, os.Truncate(p.Path(), 0))
	_, _ = ends.Claim(10) // whatever it gives, it is no fault
	require.True(t, s.Broken())
	corrupt := requireCorrupt(t, s.BrokenError(), "file size")
	require.Equal(t, p.Path(), corrupt.Path)
	require.Zero(t, corrupt.Value)
	require.ErrorContains(t, corrupt, "truncated")
}

func TestTruncationUnderOneMappingLeavesOthersAlone(t *testing.T) {
	requireGuard(t)
	p := placeIn(t)
	s, other := publish(t, p, Config{Capacity: 1}), makeSegment(t, Config{Capacity: 1})
	require.NoError(t, os.Truncate(p.Path(), int64(s.head.ringOffset))) // the ring alone
	_, err := newConsumer(t, s.Ring()).Next()
	require.ErrorIs(t, err, ErrEmpty)
	require.True(t, s.Broken())
	put(t, other.Ring().NewProducer(0, true), "a")
	require.False(t, other.Broken())
}

func TestClosedFileLeavesTheMappingUntilClose(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1})
	c := reopen(t, s)
	requireLock(t, s, true)
	for range 2 {
		require.NoError(t, s.CloseFile())
	}
	requireLock(t, c, true)
	put(t, s.Ring().NewProducer(0, true), "a")
	take(t, newConsumer(t, c.Ring()), "a")
	require.EqualValues(t, 2, s.view.refs.Load())
	for range 2 {
		require.NoError(t, s.Close())
	}
	require.EqualValues(t, 1, c.view.refs.Load())
}
