package proctest

import (
	"os"
	"syscall"
	"testing"
)

// DiskDir creates a directory for this test alone on a file system that survives a
// reboot, and removes it with its contents at the end. It skips the test if there is
// no such file system.
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
