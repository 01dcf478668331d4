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

// State is a snapshot of the resources that a process holds.
type State struct {
	fds  map[string]string // descriptor → the object that it refers to
	maps map[string]int    // file mapped shared → number of mappings
}

// Snapshot records the descriptors and shared mappings that this process holds.
func Snapshot() State {
	return State{fds: openFiles(), maps: sharedMappings()}
}

// Leaks returns what this process holds in addition to the snapshot, goroutines
// included, after some time to settle. Resources held only by garbage do not count.
func (s State) Leaks() []string {
	deadline := time.Now().Add(3 * time.Second)
	for {
		runtime.GC() // frees mappings kept by unreachable endpoints
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

// isRuntime reports whether a descriptor is one that the Go runtime's poller opens
// once and keeps.
func isRuntime(on string) bool {
	return on == "anon_inode:[eventpoll]" || on == "anon_inode:[eventfd]"
}

func openFiles() map[string]string {
	fds := map[string]string{}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		// The descriptor that listed the directory is closed by now.
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
