package children

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Stopped returns the signal that has stopped the child since the last call, or 0. It does
// not reap the child.
func Stopped(pid int) syscall.Signal {
	info, err := wait(unix.P_PID, pid, unix.WSTOPPED|unix.WNOHANG)
	if err != nil || info.pid == 0 {
		return 0
	}
	return syscall.Signal(info.status)
}

// Tree returns the process and its descendants, parents first. Descendants whose parent
// ends meanwhile may be missing, and without /proc all of them are.
func Tree(pid int) []int {
	of := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well-formed
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it is gone
		}
		// pid (command) state parent …: the command may contain anything, so parse what is
		// after its end.
		var state string
		var parent int
		rest := raw[bytes.LastIndexByte(raw, ')')+1:]
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if _, serr := fmt.Sscan(string(rest), &state, &parent); err == nil && serr == nil {
			of[parent] = append(of[parent], child)
		}
	}
	tree := []int{pid}
	for i := 0; i < len(tree); i++ {
		tree = append(tree, of[tree[i]]...)
	}
	return tree
}
