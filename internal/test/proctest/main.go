package proctest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Role is the function that a re-executed test binary runs; it returns the exit
// status.
type Role func(args []string) int

const (
	roleEnv    = "SHMCHAN_TEST_ROLE"
	lifelineFD = 3
	maxTold    = 20 // maximum number of leaks printed
	orphaned   = 70 // exit status of a child whose parent has gone
)

// Main runs the role in which this process was started or, in the process that the go
// command started, the tests, which fail if they leak. It never returns. Processes
// that the tests start have the signal dispositions described at [DefaultSignals].
// Tests use a channel directory of their own, in $SHMCHAN_DIR, so they never touch
// the user's.
func Main(m *testing.M, roles map[string]Role) {
	if name := os.Getenv(roleEnv); name != "" {
		os.Exit(play(name, roles))
	}
	os.Exit(run(m))
}

func play(name string, roles map[string]Role) int {
	role, ok := roles[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "proctest: no role %q\n", name)
		return 2
	}
	go func() {
		// The parent never writes: this returns when the parent is gone.
		_, _ = io.Copy(io.Discard, os.NewFile(lifelineFD, "lifeline"))
		os.Exit(orphaned)
	}()
	return role(os.Args[1:])
}

func run(m *testing.M) int {
	if err := DefaultSignals(); err != nil {
		fmt.Fprintln(os.Stderr, "proctest:", err)
		return 2
	}
	sweep()
	home, err := os.MkdirTemp(shmDir, dirPrefix())
	if err != nil {
		fmt.Fprintln(os.Stderr, "proctest:", err)
		return 2
	}
	if err := os.Setenv("SHMCHAN_DIR", home); err != nil {
		fmt.Fprintln(os.Stderr, "proctest:", err)
		return 2
	}
	before := Snapshot()
	code := m.Run()
	leaks := before.Leaks()
	if left, err := os.ReadDir(home); err == nil {
		for _, e := range left {
			leaks = append(leaks, "file "+filepath.Join(home, e.Name()))
		}
	}
	_ = os.RemoveAll(home)
	for _, dir := range ownDirs() {
		leaks = append(leaks, "directory "+dir)
		_ = os.RemoveAll(dir)
	}
	for i, l := range leaks {
		if i == maxTold {
			fmt.Fprintf(os.Stderr, "proctest: … and %d more\n", len(leaks)-i)
			break
		}
		fmt.Fprintln(os.Stderr, "proctest: leaked", l)
	}
	if code == 0 && len(leaks) > 0 {
		return 1
	}
	return code
}

// sweep removes the directories of earlier test processes that were killed before
// they could remove them.
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(shmDir, dirStem+"*"))
	for _, dir := range dirs {
		pid, _, ok := strings.Cut(strings.TrimPrefix(filepath.Base(dir), dirStem), "-")
		if !ok {
			continue
		}
		if _, err := os.Stat("/proc/" + pid); os.IsNotExist(err) {
			_ = os.RemoveAll(dir)
		}
	}
}

var stdin = bufio.NewReader(os.Stdin)

// Hear returns the next line from the parent, and false after the last one.
func Hear() (string, bool) {
	line, err := stdin.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err == nil
}

// Say sends a line to the parent.
func Say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if strings.Contains(line, "\n") {
		line = strconv.Quote(line)
	}
	// One write per line, since goroutines of a child may call Say at the same time.
	_, _ = os.Stdout.WriteString(line + "\n")
}
