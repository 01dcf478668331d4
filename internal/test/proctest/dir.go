package proctest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

const (
	shmDir  = "/dev/shm"
	dirStem = "shmchan-test-"
)

func dirPrefix() string { return fmt.Sprintf("%s%d-", dirStem, os.Getpid()) }

func ownDirs() []string {
	dirs, _ := filepath.Glob(filepath.Join(shmDir, dirPrefix()+"*"))
	return dirs
}

// Dir creates a channel directory for this test alone and removes it at the end. The
// test fails if files are left in it; a test whose channel remains by design must
// remove the channel itself.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(shmDir, dirPrefix())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		left, err := os.ReadDir(dir)
		if err != nil {
			t.Error(err)
		}
		if !t.Failed() {
			for _, e := range left {
				t.Errorf("left behind: %s", filepath.Join(dir, e.Name()))
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
