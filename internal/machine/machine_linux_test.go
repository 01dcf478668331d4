package machine

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFeaturesNameWhatIsRequired(t *testing.T) {
	required := 0
	for _, f := range Features() {
		require.NotEmpty(t, f.Name)
		require.NotEmpty(t, f.Since)
		require.NotEqual(t, f.Required, f.Without != "", "%s: what is done without it", f.Name)
		if f.Required {
			required++
			require.NoError(t, f.Err, "this test would not run without channels")
		}
	}
	require.Equal(t, 2, required)
}

func TestFileSystemOfSharedMemoryIsMemory(t *testing.T) {
	s, err := FileSystemOf("/dev/shm")
	require.NoError(t, err)
	require.Equal(t, "tmpfs", s.Type)
	require.True(t, s.Memory)
	require.False(t, s.Remote)
	require.LessOrEqual(t, s.Free, s.Size)

	s, err = FileSystemOf("/proc")
	require.NoError(t, err)
	require.Equal(t, "0x9fa0", s.Type, "one that channels are never on")
}

func TestFileSystemOfNothingIsAnError(t *testing.T) {
	_, err := FileSystemOf(t.TempDir() + "/missing")
	require.ErrorIs(t, err, fs.ErrNotExist)
}
