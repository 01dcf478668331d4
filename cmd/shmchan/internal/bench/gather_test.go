package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What drifts from run to run drifts in the baseline too: the ratio is the median of
// the runs' ratios, which is not that of the medians.
func TestRatiosAreTakenRunByRun(t *testing.T) {
	c := Case{Name: Gather + "/made-up", shows: []Figure{atLeast(figRate, PerSecond, 0.8)}, around: true,
		spec: flood(recordBytes, 1), baseline: cRing(recordBytes)}
	r := Result{Name: c.Name, Figures: c.shows}
	says := func(n uint64) []reply { return []reply{{Count: n, Took: time.Second}} }
	for _, run := range []struct{ before, of, after uint64 }{{100, 90, 100}, {20, 10, 20}, {10, 45, 90}} {
		made, err := c.newRun(says(run.of), says(run.before), says(run.after))
		require.NoError(t, err)
		r.Runs = append(r.Runs, made)
	}
	r.summarize()
	f := r.Figures[0]
	require.Equal(t, 45.0, f.Value.Median)
	require.Equal(t, 50.0, f.Baseline.Median)
	require.Equal(t, Spread{0.9, 0.5, 0.9}, *f.Ratio)
	met, has := f.met()
	require.True(t, has)
	require.True(t, met)
}

// A baseline that got nothing done has no ratio, rather than an endless one.
func TestNoRatioToNothing(t *testing.T) {
	c := Case{Name: Gather + "/made-up", shows: []Figure{atLeast(figRate, PerSecond, 0.8)}, spec: flood(recordBytes, 1), baseline: cRing(recordBytes)}
	run, err := c.newRun([]reply{{Count: 1, Took: time.Second}}, []reply{{}})
	require.NoError(t, err)
	r := Result{Name: c.Name, Figures: c.shows, Runs: []Run{run}}
	r.summarize()
	require.Nil(t, r.Figures[0].Ratio)
	met, has := r.Figures[0].met()
	require.True(t, has)
	require.False(t, met)
}

// Every case of gathering runs, by real processes, and says all that it is to say.
// Commands are what a test binary is not: the script has those.
func TestEveryCaseOfGathering(t *testing.T) {
	var todo []Case
	for _, c := range gathers() {
		if c.commands() {
			continue
		}
		c.Name = Gather + "/" + c.Name
		todo = append(todo, c)
	}
	for how := brief; len(todo) > 0; how.Duration *= 4 {
		require.Less(t, how.Duration, time.Minute, "nothing comes of %v", todo)
		for i := range todo {
			todo[i].most = 0
		}
		rep, err := Measure(t.Context(), todo, how, func(Case) {})
		require.NoError(t, err)
		require.Len(t, rep.Results, len(todo))
		var idle []Case
		for i := range rep.Results {
			if !gathered(t, todo[i], &rep.Results[i]) {
				idle = append(idle, todo[i])
			}
		}
		todo = idle
	}
	require.Empty(t, left(t))
}

// gathered reports whether anything was measured, and requires that all is said.
func gathered(t *testing.T, c Case, r *Result) bool {
	t.Helper()
	require.Len(t, r.Runs, 1, r.Name)
	require.NotEmpty(t, r.Figures, r.Name)
	for i, f := range r.Figures {
		require.Contains(t, r.Runs[0].Figures, f.Name, r.Name)
		if f.Value.Median == 0 || f.OfOther && f.Ratio == nil {
			return false
		}
		require.Equal(t, c.baseline != nil && i == 0, f.Ratio != nil, r.Name)
	}
	return true
}
