package bench

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/report"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// small returns a short variant of a case, with few processes and endpoints.
func small(c Case) Case {
	shrink := func(s worker.Spec) worker.Spec {
		s.Senders, s.Endpoints = min(s.Senders, 4), min(s.Endpoints, 8)
		if s.Capacity > 64<<10 {
			s.Capacity = 64 << 10
		}
		s.Batch = min(s.Batch, 8)
		return s
	}
	c.least, c.warm, c.spec = 0, 20*time.Millisecond, shrink(c.spec)
	if c.baseline != nil {
		s := shrink(*c.baseline)
		c.baseline = &s
	}
	return c
}

// Every case of waiting runs in real processes and yields all its figures.
func TestEveryCaseOfWaiting(t *testing.T) {
	how := brief
	how.Duration = 50 * time.Millisecond
	var todo []Case
	for _, c := range waitings() {
		c.Name = report.Waiting + "/" + c.Name
		todo = append(todo, small(c))
	}
	untilMeasured(t, todo, how, func(_ Case, r *report.Result) bool { return sane(t, r) })
	require.Empty(t, left(t))
}

// sane reports whether anything was measured, and fails the test if a figure is impossible.
func sane(t *testing.T, r *report.Result) bool {
	t.Helper()
	if r.Skipped != "" {
		t.Log(r.Name, "was not measured:", r.Skipped)
		return true
	}
	require.Len(t, r.Runs, 1, r.Name)
	require.NotEmpty(t, r.Figures, r.Name)
	for _, f := range r.Figures {
		v, ok := r.Runs[0].Figures[f.Name]
		require.True(t, ok, "%s lacks %s", r.Name, f.Name)
		bound := math.Inf(1)
		switch f.Unit {
		case report.Nanoseconds:
			if v == 0 {
				return false
			}
			bound = float64(worker.Patience)
		case report.Percent:
			if v > 400*float64(r.Senders+2) { // more than all threads can use: the time was too short
				return false
			}
		case report.Ringfuls:
			bound = 4
		case report.Number:
			if f.Least > 0 {
				bound = f.Least
			}
		}
		require.False(t, math.IsNaN(v) || v < 0 || v > bound || math.IsInf(v, 0), "%s: %s is %v, above %v", r.Name, f.Name, v, bound)
		if f.OfOther {
			require.NotNil(t, f.Baseline, r.Name)
		}
	}
	return true
}

// Every target relative to a baseline has one.
func TestBaselinesAreThere(t *testing.T) {
	for _, c := range waitings() {
		for _, f := range c.shows {
			require.Equal(t, f.OfOther, f.OfOther && c.baseline != nil, c.Name)
		}
	}
}
