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
)

var brief = Settings{Runs: 1, Duration: 2 * time.Millisecond}

// Every case runs, by real processes, and says what its group says. The
// pipelines run commands that a test binary is not: the script has them.
func TestEveryCase(t *testing.T) {
	var cases []Case
	for _, c := range Cases() {
		if c.Group() != Pipeline && c.spec.Senders < 32 { // more are only more of the same
			cases = append(cases, c)
		}
	}
	for _, pinned := range []bool{false, true} {
		how := brief
		how.Pinned = pinned
		rep, err := Measure(t.Context(), cases, how, func(Case) {})
		require.NoError(t, err)
		require.Len(t, rep.Results, len(cases))
		for _, r := range rep.Results {
			if r.Skipped != "" {
				t.Log(r.Name, "was not measured:", r.Skipped)
				continue
			}
			require.Len(t, r.Runs, 1, r.Name)
			if r.Name != Cost+"/idle" { // which is to be nothing
				require.Positive(t, r.Value.Median, r.Name)
			}
			for _, ref := range []string{refLine, refRing, refFutex} {
				require.Positive(t, r.Runs[0].Refs[ref].Mid(), r.Name)
			}
		}
	}
	require.Empty(t, left(t))
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

// A role that fails says why, and the measurement with it.
func TestFailureOfARoleIsTold(t *testing.T) {
	c := Case{Name: "throughput/none", Unit: PerSecond, spec: spec{Kind: "none"}}
	_, err := Measure(t.Context(), []Case{c}, brief, func(Case) {})
	require.ErrorContains(t, err, `throughput/none: open: no case of kind "none"`)
	require.Empty(t, left(t))
}

// left is what this process left of its measurements.
func left(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(shmDir, fmt.Sprintf("%s%d-*", dirStem, os.Getpid())))
	require.NoError(t, err)
	return dirs
}
