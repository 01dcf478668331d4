package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	shmDir  = "/dev/shm"
	dirStem = "shmchan-bench-"
)

// makeDir creates the directory of a session. First it removes those of earlier
// processes that were killed before they could.
func makeDir() (string, error) {
	old, _ := filepath.Glob(filepath.Join(shmDir, dirStem+"*"))
	for _, dir := range old {
		pid, _, ok := strings.Cut(strings.TrimPrefix(filepath.Base(dir), dirStem), "-")
		if _, err := os.Stat("/proc/" + pid); ok && os.IsNotExist(err) {
			_ = os.RemoveAll(dir)
		}
	}
	return os.MkdirTemp(shmDir, fmt.Sprintf("%s%d-", dirStem, os.Getpid()))
}
