package proctest

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"go.uber.org/goleak"
)

// State is what a process holds.
type State struct {
	fds  map[string]string // descriptor → what it is open on
	maps map[string]int    // file that is mapped shared → how often
}

// Snapshot notes the descriptors and shared mappings that this process holds.
func Snapshot() State {
	return State{fds: openFiles(), maps: sharedMappings()}
}

// Leaks returns what this process holds beyond the snapshot, goroutines
// included, after it had a moment to settle. What hangs on garbage is not held.
func (s State) Leaks() []string {
	deadline := time.Now().Add(3 * time.Second)
	for {
		runtime.GC() // mappings that linger for an endpoint which nobody has any more
		leaks := s.diff()
		if len(leaks) == 0 || time.Now().After(deadline) {
			if err := goleak.Find(); err != nil {
				leaks = append(leaks, "goroutines: "+err.Error())
			}
			return leaks
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (s State) diff() []string {
	var leaks []string
	now := Snapshot()
	for _, fd := range slices.Sorted(maps.Keys(now.fds)) {
		on := now.fds[fd]
		if s.fds[fd] == on || isRuntime(on) {
			continue
		}
		leaks = append(leaks, fmt.Sprintf("descriptor %s on %s", fd, on))
	}
	for _, file := range slices.Sorted(maps.Keys(now.maps)) {
		if n := now.maps[file] - s.maps[file]; n > 0 {
			leaks = append(leaks, fmt.Sprintf("%d mappings of %s", n, file))
		}
	}
	return leaks
}

// isRuntime tells the descriptors that the Go runtime's poller opens once and
// keeps.
func isRuntime(on string) bool {
	return on == "anon_inode:[eventpoll]" || on == "anon_inode:[eventfd]"
}

func openFiles() map[string]string {
	fds := map[string]string{}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		// The descriptor that lists the directory is gone by now: no link.
		if on, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			fds[e.Name()] = on
		}
	}
	return fds
}

func sharedMappings() map[string]int {
	files := map[string]int{}
	raw, _ := os.ReadFile("/proc/self/maps")
	for line := range strings.Lines(string(raw)) {
		// address perms offset device inode path
		f := strings.Fields(line)
		if len(f) >= 6 && strings.HasSuffix(f[1], "s") {
			files[strings.Join(f[5:], " ")]++
		}
	}
	return files
}
