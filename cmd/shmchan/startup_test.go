//go:build !race

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A script that sends one message at a time starts the command each time.
const (
	startupBound = 5 * time.Millisecond // of processor time, user and system
	// startupBare is the bound on slower machines, as a multiple of the time of a Go program
	// that does nothing. It was 4 to 6 when this was set.
	startupBare = 8
	startupRuns = 20
	startupMost = 5 * startupRuns // on a machine with much else to do
)

// TestGuardSendStartsFast takes the best of some runs: other load makes a run slower, never
// faster.
func TestGuardSendStartsFast(t *testing.T) {
	if os.Getenv("SHMCHAN_GUARD") == "" {
		t.Skip("it measures, so it runs by itself: make guard")
	}
	work := t.TempDir()
	build := func(name, source string) (path string) {
		path = filepath.Join(work, name)
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", path, source)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return path
	}
	nothing := filepath.Join(work, "nothing.go")
	require.NoError(t, os.WriteFile(nothing, []byte("package main\n\nfunc main() {}\n"), 0o600))
	bare, shmchan := build("nothing", nothing), build("shmchan", ".")
	dir, err := os.MkdirTemp("/dev/shm", "shmchan-startup-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	run := func(args ...string) time.Duration {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = append(os.Environ(), "SHMCHAN_DIR="+dir)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}

	run(shmchan, "create", "--durable", "jobs")
	best, least := time.Hour, time.Hour
	slow := func() bool { return best >= max(startupBound, startupBare*least) }
	runs := 0
	for ; runs < startupRuns || slow() && runs < startupMost; runs++ {
		best = min(best, run(shmchan, "send", "jobs", "x"))
		least = min(least, run(bare))
	}
	t.Logf("the best of %d runs took %v of processor time; of a program that does nothing, %v", runs, best, least)
	require.False(t, slow())
}
