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

// limits are the bounds of the guard: how many times as long as by the bare protocol
// one message may take. What was normal when they were set stands behind each; a
// bound lies between that and twice as much, so that losing half is noticed.
var limits = []struct {
	of, by string // cases
	most   float64
}{
	{bursts.Name, bareBursts.Name, 2.70 /* 1.9 */},
	{"latency/spinning", bareTrips.Name, 1.80 /* 1.3 */},
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
			got := quarter(runs[l.of], runs[l.by])
			t.Logf("attempt %d: %s takes %.2f × %s, at most %.2f", attempt+1, l.of, got, l.by, l.most)
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
	cases := append(Select(Cases(), regexp.MustCompile("^latency/spinning$")), bareTrips, bursts, bareBursts)
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

// quarter is how many times as long as by a message of a case takes, each in its best
// quarter of the runs during which the machine stayed as it was: what disturbs a run
// makes it longer, never shorter. It is infinite if the machine never did.
func quarter(of, by *Result) float64 {
	best := func(r *Result) float64 {
		var times []float64
		for i := range r.Runs {
			if line := r.Runs[i].Refs[refLine]; max(line[0], line[1]) <= steady*min(line[0], line[1]) {
				times = append(times, each(r, i))
			}
		}
		if len(times) == 0 {
			return math.NaN()
		}
		slices.Sort(times)
		return times[(len(times)-1)/4]
	}
	if ratio := best(of) / best(by); !math.IsNaN(ratio) {
		return ratio
	}
	return math.Inf(1)
}

// each is the time of a message in a run, in nanoseconds.
func each(r *Result, i int) float64 {
	if r.Unit == PerSecond {
		return float64(time.Second) / r.Runs[i].Value
	}
	return r.Runs[i].Value
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
