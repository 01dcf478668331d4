//go:build !race

package bench

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The guard compares the channel with the references of the same moments, in
// ratios, which hold where times do not. A run during which the machine changed
// does not count, of the others the best quarter does, and a failure is only a
// reason to measure again. It needs the machine for itself, so it runs where
// SHMCHAN_GUARD is set: see make guard.

// limits are the bounds of the guard: how many times as long as a reference one
// message may take. normal is what was measured when they were set; a bound lies
// between that and twice as much, so that losing half is noticed.
var limits = []struct {
	of, by       string // a case, and a reference or a case
	normal, most float64
}{
	{bursts.Name, ringBursts.Name, 1.95, 2.75},
	{"latency/spinning", refLine, 3.60, 5.00},
}

const (
	guardRuns     = 7
	guardAttempts = 5
	guardRun      = 30 * time.Millisecond
	guardRef      = 10 * time.Millisecond
	steady        = 1.25 // how far the line may drift during a run
)

// exceeded measures until every limit is kept, and returns those that are not at
// the last attempt. twice is the case of which all is done twice.
func exceeded(t *testing.T, twice string) []string {
	t.Helper()
	s := &session{Settings: Settings{Runs: guardRuns, Duration: guardRun, Pinned: true}, refs: guardRef}
	require.NoError(t, s.open())
	defer s.close()
	var over []string
	for attempt := range guardAttempts {
		over = over[:0]
		runs := s.guardRuns(t, twice)
		for _, l := range limits {
			got := quarter(runs, l.of, l.by)
			t.Logf("attempt %d: %s takes %.2f × %s; normal %.2f, at most %.2f", attempt+1, l.of, got, l.by, l.normal, l.most)
			if got > l.most {
				over = append(over, fmt.Sprintf("%s takes %.2f × %s, more than %.2f", l.of, got, l.by, l.most))
			}
		}
		if len(over) == 0 {
			break
		}
	}
	return over
}

// guardRuns runs the cases of the limits in turn.
func (s *session) guardRuns(t *testing.T, twice string) map[string]*Result {
	t.Helper()
	cases := append(Select(Cases(), regexp.MustCompile("^latency/spinning$")), bursts, ringBursts)
	results := map[string]*Result{}
	for _, c := range cases {
		results[c.Name] = &Result{Name: c.Name, Unit: c.Unit}
	}
	for range s.Runs {
		for _, c := range cases {
			c.spec.Twice = c.Name == twice
			run, err := s.once(t.Context(), c)
			require.NoError(t, err)
			results[c.Name].Runs = append(results[c.Name].Runs, run)
		}
	}
	return results
}

// quarter is how many times as long as by a message of a case takes, in the best
// quarter of the runs during which the machine stayed as it was; infinite if it
// never did.
func quarter(runs map[string]*Result, of, by string) float64 {
	var times []float64
	for i, run := range runs[of].Runs {
		lines := run.Refs[refLine]
		around := lines[:]
		ratio := run.Value / run.Refs[by].Mid()
		if other := runs[by]; other != nil { // messages a second, both
			beside := other.Runs[i].Refs[refLine]
			around = append(around, beside[:]...)
			ratio = other.Runs[i].Value / run.Value
		}
		if slices.Max(around) <= steady*slices.Min(around) {
			times = append(times, ratio)
		}
	}
	if len(times) == 0 {
		return math.Inf(1)
	}
	slices.Sort(times)
	return times[(len(times)-1)/4]
}

func guarding(t *testing.T) {
	t.Helper()
	if os.Getenv("SHMCHAN_GUARD") == "" {
		t.Skip("needs the machine for itself: make guard")
	}
}

func TestGuardAgainstLoss(t *testing.T) {
	guarding(t)
	require.Empty(t, exceeded(t, ""))
}

// TestGuardCatchesALossOfHalf: where all is done twice and counted once, the
// guard reports it.
func TestGuardCatchesALossOfHalf(t *testing.T) {
	guarding(t)
	for _, l := range limits {
		t.Run(l.of, func(t *testing.T) {
			require.NotEmpty(t, exceeded(t, l.of))
		})
	}
}
