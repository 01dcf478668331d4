package bench

import (
	"math"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// small is a case with few processes and ends, for a short time.
func small(c Case) Case {
	shrink := func(s spec) spec {
		s.Senders, s.Ends = min(s.Senders, 4), min(s.Ends, 8)
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

// Every case of waiting runs, by real processes, and says all that it is to say.
func TestEveryCaseOfWaiting(t *testing.T) {
	how := brief
	how.Duration = 50 * time.Millisecond
	var todo []Case
	for _, c := range waitings() {
		c.Name = Waiting + "/" + c.Name
		todo = append(todo, small(c))
	}
	untilMeasured(t, todo, how, func(_ Case, r *Result) bool { return sane(t, r) })
	require.Empty(t, left(t))
}

// sane reports whether anything was measured, and requires that it can be.
func sane(t *testing.T, r *Result) bool {
	t.Helper()
	if r.Skipped != "" {
		t.Log(r.Name, "was not measured:", r.Skipped)
		return true
	}
	require.Len(t, r.Runs, 1, r.Name)
	require.NotEmpty(t, r.Figures, r.Name)
	for _, f := range r.Figures {
		v, ok := r.Runs[0].Figures[f.Name]
		require.True(t, ok, "%s says nothing of %s", r.Name, f.Name)
		bound := math.Inf(1)
		switch f.Unit {
		case Nanoseconds:
			if v == 0 {
				return false
			}
			bound = float64(patience)
		case Percent:
			if v > 400*float64(r.Senders+2) { // more than all threads can use: the time was too short to tell
				return false
			}
		case Ringfuls:
			bound = 4
		case Number:
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

func TestFiguresAndTheirTargets(t *testing.T) {
	base, ratio := &Spread{Median: 10}, func(median float64) *Spread { return &Spread{Median: median} }
	for name, tt := range map[string]struct {
		f        Figure
		met, has bool
		target   string
	}{
		"no target":                           {f: Figure{Unit: Percent, Value: Spread{Median: 3}}},
		"at most, reached":                    {Figure{Unit: Percent, Most: 3, Value: Spread{Median: 3}}, true, true, "≤ 3.00 %"},
		"at most, missed":                     {Figure{Unit: Percent, Most: 3, Value: Spread{Median: 3.1}}, false, true, "≤ 3.00 %"},
		"at least, reached":                   {Figure{Unit: Number, Least: 256, Value: Spread{Median: 256}}, true, true, "≥ 256"},
		"at least, missed":                    {Figure{Unit: Number, Least: 256, Value: Spread{Median: 255}}, false, true, "≥ 256"},
		"by a baseline, reached":              {Figure{Unit: Percent, Most: 5, OfOther: true, Baseline: base, Ratio: ratio(5)}, true, true, "≤ 5.00 × baseline"},
		"by a baseline, missed":               {Figure{Unit: Percent, Most: 5, OfOther: true, Baseline: base, Ratio: ratio(5.1), Value: Spread{Median: 51}}, false, true, "≤ 5.00 × baseline"},
		"by a baseline that is none":          {Figure{Unit: Percent, Most: 5, OfOther: true}, false, true, "≤ 5.00 × baseline"},
		"at least so many baselines, reached": {Figure{Unit: PerSecond, Least: 0.8, OfOther: true, Baseline: base, Ratio: ratio(0.8)}, true, true, "≥ 0.80 × baseline"},
		"at least so many baselines, missed":  {Figure{Unit: PerSecond, Least: 0.8, OfOther: true, Baseline: base, Ratio: ratio(0.79)}, false, true, "≥ 0.80 × baseline"},
		"small beside any baseline": {Figure{Unit: Nanoseconds, Most: 2, OfOther: true, NotUnder: 1000, Baseline: base, Value: Spread{Median: 900}},
			true, true, "≤ 2.00 × baseline, or 1.00 µs"},
	} {
		t.Run(name, func(t *testing.T) {
			met, has := tt.f.met()
			require.Equal(t, tt.met, met)
			require.Equal(t, tt.has, has)
			require.Equal(t, tt.target, tt.f.target())
		})
	}
}

// Every target that counts in baselines has one.
func TestBaselinesAreThere(t *testing.T) {
	for _, c := range waitings() {
		for _, f := range c.shows {
			require.Equal(t, f.OfOther, f.OfOther && c.baseline != nil, c.Name)
		}
	}
}

func TestWakesOfAProcessAreCounted(t *testing.T) {
	before := wakesOf("self", true)
	for range 20 {
		time.Sleep(time.Millisecond)
	}
	require.Greater(t, wakesOf("self", true), before)
	require.Zero(t, wakesOf(strconv.Itoa(math.MaxInt32), true), "no process has that number")
}

func TestProcessorTimeOfAnotherProcess(t *testing.T) {
	cmd := exec.Command("sh", "-c", "while :; do :; done")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait() // the signal is how it ends
	})
	require.Eventually(t, func() bool {
		used, err := processorTimeOf(cmd.Process.Pid)
		require.NoError(t, err)
		return used > 10*time.Millisecond
	}, patience, time.Millisecond)
	_, err := processorTimeOf(os.Getpid())
	require.NoError(t, err)
}
