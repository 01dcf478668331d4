package proctest

import (
	"os"
	"syscall"
	"testing"
)

// DiskDir makes a directory for this test alone on a file system that outlives a
// boot, and removes it with what is in it when the test ends. The test is skipped
// where there is none.
func DiskDir(t testing.TB) string {
	t.Helper()
	for _, parent := range []string{os.TempDir(), "/var/tmp", "."} {
		var st syscall.Statfs_t
		if syscall.Statfs(parent, &st) != nil || inMemory[int64(uint32(st.Type))] {
			continue
		}
		dir, err := os.MkdirTemp(parent, dirPrefix())
		if err != nil {
			continue
		}
		t.Cleanup(func() {
			if err := os.RemoveAll(dir); err != nil {
				t.Error(err)
			}
		})
		return dir
	}
	t.Skip("no directory on a disk is to be had here: TMPDIR, /var/tmp and this one lie in memory")
	return ""
}

// inMemory are the numbers of tmpfs and ramfs, from linux/magic.h.
var inMemory = map[int64]bool{0x01021994: true, 0x858458f6: true}
