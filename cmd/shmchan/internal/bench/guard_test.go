//go:build linux && !race

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

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/report"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// The guard compares the channel with references measured at the same moments, by
// ratios, which are stable when times are not. A run during which the machine's speed
// changed does not count; of the others the best quarter does. After a failure the
// guard measures again. An attempt before or after which other programs used the two
// processors does not count either; if they always do, the guard is skipped, because
// nothing can be judged. It runs if SHMCHAN_GUARD is set: see make guard.

// limits are the bounds of the guard: the time of one message as a multiple of the bare
// protocol's. The comment after each is the normal value when the bound was set; a bound
// lies between that and twice as much, so that losing half of the speed is noticed. A
// faster channel has a lower normal value, which make guard logs: set the bound again
// then, to some 1.45 times that value.
var limits = []limit{
	{bursts, bareBursts, 2.10 /* 1.25 to 1.45 */},
	{batchBursts, bareBatchBursts, 1.95 /* 1.15 to 1.4 */},
	{largeBursts, bareLargeBursts, 1.45 /* 1.0 */},
	{spinning, bareTrips, 1.80 /* 1.3 */},
}

type limit struct {
	of, by Case
	most   float64
}

var spinning = Select(Cases(), regexp.MustCompile("^latency/spinning$"))[0]

const (
	guardRuns     = 7
	guardAttempts = 5
	guardRun      = 30 * time.Millisecond
	guardRef      = 10 * time.Millisecond
	steady        = 1.25 // how far the line may drift during a run
	guardBusy     = 40   // attempts that the machine is too busy for, in a row
)

// exceeded measures until every limit is kept, and returns those exceeded at the last
// attempt. With twice, the limited cases do everything twice. It skips the test if the
// machine is too busy to judge.
func exceeded(t *testing.T, limits []limit, twice bool) []string {
	t.Helper()
	s := &session{Settings: report.Settings{Runs: guardRuns, Duration: guardRun, Pinned: true}, refs: guardRef}
	require.NoError(t, s.open())
	defer s.close()
	var over []string
	for attempt, busy := 0, 0; attempt < guardAttempts; {
		share, runs := least(t, s.cpus[:2]), map[string]*report.Result(nil)
		if share >= idleShare {
			runs = s.guardRuns(t, limits, twice)
			share = least(t, s.cpus[:2])
		}
		if share < idleShare {
			if busy++; busy == guardBusy {
				t.Skipf("not judged: a busy thread got %.0f %% of a processor, want at least %.0f %%: "+
					"run make guard while nothing else uses the processors", 100*share, 100*idleShare)
			}
			<-time.After(shareTime)
			continue
		}
		attempt, busy, over = attempt+1, 0, over[:0]
		for _, l := range limits {
			got := quarter(runs[l.of.Name], runs[l.by.Name])
			t.Logf("attempt %d: %s takes %.2f × %s, at most %.2f", attempt, l.of.Name, got, l.by.Name, l.most)
			if got > l.most {
				over = append(over, fmt.Sprintf("%s takes %.2f × %s, more than %.2f", l.of.Name, got, l.by.Name, l.most))
			}
		}
		if len(over) == 0 {
			break
		}
	}
	return over
}

// guardRuns runs the cases of the limits in turn.
func (s *session) guardRuns(t *testing.T, limits []limit, twice bool) map[string]*report.Result {
	t.Helper()
	var cases []Case
	results := map[string]*report.Result{}
	for _, l := range limits {
		l.of.spec.Twice = twice
		for _, c := range []Case{l.of, l.by} {
			cases = append(cases, c)
			results[c.Name] = &report.Result{Name: c.Name, Unit: c.Unit}
		}
	}
	for range s.Runs {
		for _, c := range cases {
			run, err := s.once(t.Context(), c)
			require.NoError(t, err)
			results[c.Name].Runs = append(results[c.Name].Runs, run)
		}
	}
	return results
}

// quarter returns the time of a message of a case as a multiple of that of by, each in
// the best quarter of its runs during which the machine's speed was steady: a
// disturbance only makes a run longer. It is infinite if the machine was never steady.
func quarter(of, by *report.Result) float64 {
	best := func(r *report.Result) float64 {
		var times []float64
		for i := range r.Runs {
			if line := r.Runs[i].Refs[worker.RefLine]; max(line[0], line[1]) <= steady*min(line[0], line[1]) {
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

// each returns the time of a message in a run, in nanoseconds.
func each(r *report.Result, i int) float64 {
	if r.Unit == report.PerSecond {
		return float64(time.Second) / r.Runs[i].Value
	}
	return r.Runs[i].Value
}

func guarding(t *testing.T) {
	t.Helper()
	if os.Getenv("SHMCHAN_GUARD") == "" {
		t.Skip("runs alone, because it measures: make guard")
	}
}

func TestGuardAgainstLoss(t *testing.T) {
	guarding(t)
	require.Empty(t, exceeded(t, limits, false))
}

// TestGuardCatchesALossOfHalf checks that the guard reports cases that do everything
// twice and count it once.
func TestGuardCatchesALossOfHalf(t *testing.T) {
	guarding(t)
	for _, l := range limits {
		t.Run(l.of.Name, func(t *testing.T) {
			require.NotEmpty(t, exceeded(t, []limit{l}, true))
		})
	}
}
