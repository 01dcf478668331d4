package filesystem

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The error names each kind of file system, whether it is refused before anything is
// tried or itself refuses an operation.
func TestExplainNamesTheFileSystemAndWhatToDo(t *testing.T) {
	for _, tt := range []struct {
		number uint32
		err    error
		says   []string
	}{
		{0x958458f6, unix.EINVAL, []string{"/mnt is on hugetlbfs", "huge pages"}},
		{0x65735546, unix.ENODEV, []string{"/mnt is on fuse", "refuses shared mappings"}},
		{0x01021997, unix.EINVAL, []string{"/mnt is on 9p", "refuses shared mappings"}},
		{0x794c7630, unix.EOPNOTSUPP, []string{"/mnt is on overlay", "refuses shared mappings"}},
		{0x00006969, unix.ENOLCK, []string{"/mnt is on nfs", "refuses shared mappings"}},
		{0x12345678, unix.ENOSYS, []string{"/mnt is on 0x12345678", "refuses shared mappings"}},
	} {
		require.True(t, unsupported(tt.err))
		err := Of(tt.number).explain("/mnt", "shared mappings", tt.err)
		require.ErrorIs(t, err, tt.err)
		for _, want := range append(tt.says, "tmpfs", "local disk") {
			require.ErrorContains(t, err, want)
		}
	}
}

func TestOnlyWhatAFileSystemMayLackIsExplained(t *testing.T) {
	f, err := os.Open("/dev/shm")
	require.NoError(t, err)
	defer f.Close()
	for _, cause := range []error{unix.ENOSPC, unix.EACCES, unix.ENOENT, unix.EIO, errors.New("else")} {
		require.Equal(t, cause, Explain(int(f.Fd()), "/dev/shm", "anything", cause))
	}
	err = Explain(int(f.Fd()), "/dev/shm", "anything", unix.ENOTTY)
	require.ErrorContains(t, err, "/dev/shm is on tmpfs, which refuses anything")
	require.Equal(t, unix.EINVAL, Explain(-1, "/dev/shm", "anything", unix.EINVAL), "an unknown file system")
}

func TestOnlySomeAreRefusedUntried(t *testing.T) {
	require.NoError(t, Of(0x01021994).Refuse("/mnt", errors.ErrUnsupported))
	require.NoError(t, Of(0x65735546).Refuse("/mnt", errors.ErrUnsupported))
	require.NoError(t, Of(1).Refuse("/mnt", errors.ErrUnsupported))
	require.ErrorIs(t, Of(0x958458f6).Refuse("/mnt", errors.ErrUnsupported), errors.ErrUnsupported)
}
