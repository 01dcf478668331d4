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

// Role is what a re-executed test binary does; it returns its exit status.
type Role func(args []string) int

const (
	roleEnv    = "SHMCHAN_TEST_ROLE"
	lifelineFD = 3
	maxTold    = 20 // leaks
	orphaned   = 70 // exit status of a child whose parent has gone
)

// Main runs the role that this process was started in or, in the process that
// the go command started, the tests; those fail if they leak. It never returns.
// The processes that the tests start find their signals as [DefaultSignals] says.
// Tests find a channel directory of their own in $SHMCHAN_DIR, so that none
// touches the user's.
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

// sweep removes the directories of earlier test processes that were killed
// before they could.
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

// Hear returns the next line that the parent told this child, and false when
// the parent will say no more.
func Hear() (string, bool) {
	line, err := stdin.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err == nil
}

// Say tells the parent a line.
func Say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if strings.Contains(line, "\n") {
		line = strconv.Quote(line)
	}
	// One write a line: goroutines of a child may say something at the same time.
	_, _ = os.Stdout.WriteString(line + "\n")
}
