package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/report"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

var brief = report.Settings{Runs: 1, Duration: 2 * time.Millisecond}

// Every case runs in real processes, and has the figures of its group. Pipelines run
// verbs, which a test binary does not have: the command's script tests them. The cases
// of waiting are tested at a small scale in waiting_test.go.
func TestEveryCase(t *testing.T) {
	var cases []Case
	for _, c := range Cases() {
		if c.Standard() && c.Group() != report.Pipeline && c.spec.Senders < 32 { // more senders add nothing
			cases = append(cases, c)
		}
	}
	for _, pinned := range []bool{false, true} {
		how := brief
		how.Pinned = pinned
		untilMeasured(t, cases, how, func(_ Case, r *report.Result) bool { return measured(t, r) })
	}
	require.Empty(t, left(t))
}

// measured reports whether the run of a result measured something, or was skipped.
func measured(t *testing.T, r *report.Result) bool {
	t.Helper()
	if r.Skipped != "" {
		t.Log(r.Name, "was not measured:", r.Skipped)
		return true
	}
	require.Len(t, r.Runs, 1, r.Name)
	for _, ref := range []string{worker.RefLine, worker.RefRing, worker.RefFutex} {
		if r.Runs[0].Refs[ref].Mid() <= 0 {
			return false
		}
	}
	return r.Value.Median > 0 || r.Name == report.Cost+"/idle" // which should be zero
}

func TestCancelledMeasurementLeavesNothing(t *testing.T) {
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	how := brief
	how.Duration = time.Minute
	time.AfterFunc(50*time.Millisecond, func() { cancel(stop) })
	_, err := Measure(ctx, Cases(), how, func(Case) {})
	require.ErrorIs(t, err, stop)
	require.Empty(t, left(t))
}

func TestWhatAKilledMeasurementLeftIsRemoved(t *testing.T) {
	gone := filepath.Join(shmDir, dirStem+"4194304-1") // no process has that number
	require.NoError(t, os.Mkdir(gone, 0o700))
	dir, err := makeDir()
	require.NoError(t, err)
	require.NoError(t, os.Remove(dir))
	require.NoDirExists(t, gone)
}

// A worker's error is the measurement's.
func TestFailureOfAWorkerIsReported(t *testing.T) {
	c := Case{Name: "throughput/none", Unit: report.PerSecond, spec: worker.Spec{Kind: "none"}}
	_, err := Measure(t.Context(), []Case{c}, brief, func(Case) {})
	require.ErrorContains(t, err, `throughput/none: open: no case of kind "none"`)
	require.Empty(t, left(t))
}

// left returns the directories that measurements of this process have left.
func left(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(shmDir, fmt.Sprintf("%s%d-*", dirStem, os.Getpid())))
	require.NoError(t, err)
	return dirs
}

// untilMeasured measures the cases, and repeats for a longer time those for which came
// returns false: in a short time, a process that waits for a processor may get nothing
// done. came reports whether a case was measured, and fails the test if its figures
// are impossible.
func untilMeasured(t *testing.T, todo []Case, how report.Settings, came func(Case, *report.Result) bool) {
	t.Helper()
	for ; len(todo) > 0; how.Duration *= 4 {
		require.Less(t, how.Duration, time.Minute, "not measured: %v", todo)
		rep, err := Measure(t.Context(), todo, how, func(Case) {})
		require.NoError(t, err)
		require.Len(t, rep.Results, len(todo))
		var idle []Case
		for i := range rep.Results {
			if !came(todo[i], &rep.Results[i]) {
				idle = append(idle, todo[i])
			}
		}
		todo = idle
	}
}
