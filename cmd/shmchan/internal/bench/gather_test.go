package bench

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/report"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// A drift from run to run affects the baseline too: the ratio is the median of the
// runs' ratios, which differs from the ratio of the medians.
func TestRatiosAreTakenRunByRun(t *testing.T) {
	c := Case{Name: report.Gather + "/made-up", shows: []report.Figure{atLeast(figRate, report.PerSecond, 0.8)}, around: true,
		spec: flood(measure.RecordBytes, 1), baseline: cRing(measure.RecordBytes)}
	r := report.Result{Name: c.Name, Figures: c.shows}
	says := func(n uint64) []worker.Reply { return []worker.Reply{{Count: n, Took: time.Second}} }
	for _, run := range []struct{ before, of, after uint64 }{{100, 90, 100}, {20, 10, 20}, {10, 45, 90}} {
		made, err := c.newRun(says(run.of), says(run.before), says(run.after))
		require.NoError(t, err)
		r.Runs = append(r.Runs, made)
	}
	r.Summarize()
	f := r.Figures[0]
	require.Equal(t, 45.0, f.Value.Median)
	require.Equal(t, 50.0, f.Baseline.Median)
	require.Equal(t, report.Spread{Median: 0.9, Min: 0.5, Max: 0.9}, *f.Ratio)
	met, has := f.Met()
	require.True(t, has)
	require.True(t, met)
}

// A baseline of zero yields no ratio, rather than an infinite one.
func TestNoRatioToNothing(t *testing.T) {
	c := Case{Name: report.Gather + "/made-up", shows: []report.Figure{atLeast(figRate, report.PerSecond, 0.8)}, spec: flood(measure.RecordBytes, 1), baseline: cRing(measure.RecordBytes)}
	run, err := c.newRun([]worker.Reply{{Count: 1, Took: time.Second}}, []worker.Reply{{}})
	require.NoError(t, err)
	r := report.Result{Name: c.Name, Figures: c.shows, Runs: []report.Run{run}}
	r.Summarize()
	require.Nil(t, r.Figures[0].Ratio)
	met, has := r.Figures[0].Met()
	require.True(t, has)
	require.False(t, met)
}

// typical reports whether a case is worth a test. Of the tables only the corners are.
// Cases of commands are not, because a test binary is no command: a script tests them.
func typical(c Case) bool {
	size, _, large := strings.Cut(c.Name, "-in-")
	n, _, batch := strings.Cut(c.Name, "x")
	switch {
	case c.commands():
		return false
	case large && strings.HasPrefix(c.Name, "copied-"), strings.HasPrefix(c.Name, "in-place-"):
		return c.spec.Capacity == 8*c.spec.Size || size == "copied-128" && c.spec.Capacity == 1<<20 || strings.HasPrefix(c.Name, "in-place-4K-in-1M")
	case batch:
		return n != "batch-64" && (n != "batch-16" || c.spec.Size == measure.RecordBytes)
	}
	return true
}

// Every kind of case runs in real processes and yields all its figures.
func TestEveryCaseOfGathering(t *testing.T) {
	var todo []Case
	for _, c := range gathers() {
		if !typical(c) {
			continue
		}
		c.Name, c.most = report.Gather+"/"+c.Name, 0
		c.spec.Senders = min(c.spec.Senders, 4)
		todo = append(todo, c)
	}
	untilMeasured(t, todo, brief, func(c Case, r *report.Result) bool { return gathered(t, c, r) })
	require.Empty(t, left(t))
}

// gathered reports whether anything was measured, and fails the test if a figure is missing.
func gathered(t *testing.T, c Case, r *report.Result) bool {
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

// The input of a pipeline has the frame that send expects.
func TestInputOfPipelines(t *testing.T) {
	for frame, want := range map[string]string{
		"": "012345678\n012345678\n", frameNUL: "012345678\x00012345678\x00",
		frameLen:  "\x00\x00\x00\n0123456789\x00\x00\x00\n0123456789",
		frameJSON: "{\"data\":\"0123456789\"}\n{\"data\":\"0123456789\"}\n",
	} {
		got, err := input(worker.Spec{Size: 10, Frame: frame}, 2)
		require.NoError(t, err)
		require.Equal(t, want, string(got), frame)
	}
	_, err := input(worker.Spec{Size: 10, Frame: "hex"}, 2)
	require.ErrorContains(t, err, "hex")
}

// The rings support every message size of the batches, hold eight large messages, and
// every target relative to a baseline has one.
func TestCasesOfGathering(t *testing.T) {
	names := map[string]bool{}
	for _, c := range gathers() {
		require.False(t, names[c.Name], c.Name)
		names[c.Name] = true
		require.Equal(t, c.baseline != nil, c.around, c.Name)
		for _, f := range c.shows {
			require.False(t, f.OfOther && c.baseline == nil, c.Name)
		}
		if b := c.baseline; b != nil && b.Kind == kindPlain {
			require.GreaterOrEqual(t, c.spec.Capacity, 8*c.spec.Size, c.Name)
			require.Equal(t, []any{c.spec.Size, c.spec.Capacity, c.spec.InPlace}, []any{b.Size, b.Capacity, b.InPlace}, c.Name)
		} else if b != nil && b.Kind == kindRing {
			require.Equal(t, []any{c.spec.Size, 32}, []any{b.Size, b.Batch}, c.Name)
		}
	}
	for _, name := range []string{"batch-16x64", "batch-16x64-of-4", "batch-256x256", "batch-4x16", "copied-128-in-1M",
		"copied-1M-in-64M", "in-place-1M-in-8M", "in-place-128-in-64M", "pipe-line-10", "start-send"} {
		require.Contains(t, names, name)
	}
}
