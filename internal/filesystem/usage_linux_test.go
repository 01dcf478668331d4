package filesystem

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUsageOfSharedMemoryIsMemory(t *testing.T) {
	s, err := UsageOf("/dev/shm")
	require.NoError(t, err)
	require.Equal(t, "tmpfs", s.Name)
	require.True(t, s.Memory)
	require.False(t, s.Remote)
	require.LessOrEqual(t, s.Free, s.Size)

	s, err = UsageOf("/proc")
	require.NoError(t, err)
	require.Equal(t, "0x9fa0", s.Name, "a file system that never holds a channel")
}

func TestUsageOfNothingIsAnError(t *testing.T) {
	_, err := UsageOf(t.TempDir() + "/missing")
	require.ErrorIs(t, err, fs.ErrNotExist)
}
