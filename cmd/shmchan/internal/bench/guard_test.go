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
// message may take. What was normal when they were set stands before each; a bound
// lies between that and twice as much, so that losing half is noticed. Where a
// line crosses slowly it makes up more of a message, and the code less: so a limit
// has two bounds, for processors that are near and that are far from each other.
var limits = []struct {
	of, by    string  // a case, and a reference or a case
	near, far float64 // at most
}{
	{bursts.Name, ringBursts.Name, 2.60 /* 1.8 */, 1.60 /* 1.1 */},
	{"latency/spinning", refLine, 5.20 /* 3.7 */, 3.40 /* 2.4 */},
}

// farLine, in nanoseconds, is from where on processors are far from each other.
const farLine = 80

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
			near, far := quarter(runs, l.of, l.by)
			t.Logf("attempt %d: %s takes %.2f × %s, at most %.2f; far %.2f, at most %.2f", attempt+1, l.of, near, l.by, l.near, far, l.far)
			// Where the machine is now the one and now the other, either will do.
			if near > l.near && far > l.far {
				over = append(over, fmt.Sprintf("%s takes %.2f × %s, more than %.2f; far %.2f, more than %.2f", l.of, near, l.by, l.near, far, l.far))
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

// quarter is how many times as long as by a message of a case takes: the time of
// its best quarter of runs, by the median of the other; of runs during which the
// machine stayed as it was, near or far. It is infinite if the machine never did.
func quarter(runs map[string]*Result, of, by string) (near, far float64) {
	var times, others [2][]float64 // near, far
	add := func(to *[2][]float64, run *Run, time float64) {
		switch line := run.Refs[refLine]; {
		case max(line[0], line[1]) > steady*min(line[0], line[1]):
		case line.Mid() < farLine:
			to[0] = append(to[0], time)
		default:
			to[1] = append(to[1], time)
		}
	}
	r := runs[of]
	for i := range r.Runs {
		add(&times, &r.Runs[i], each(r, i))
		if runs[by] == nil {
			add(&others, &r.Runs[i], r.Runs[i].Refs[by].Mid())
		}
	}
	if other := runs[by]; other != nil {
		for i := range other.Runs {
			add(&others, &other.Runs[i], each(other, i))
		}
	}
	ratio := func(times, others []float64) float64 {
		if len(times) == 0 || len(others) == 0 {
			return math.Inf(1)
		}
		slices.Sort(times)
		return times[(len(times)-1)/4] / median(others)
	}
	return ratio(times[0], others[0]), ratio(times[1], others[1])
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
