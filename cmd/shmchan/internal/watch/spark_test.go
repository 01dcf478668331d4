package watch

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBucketsAreMeansOverTime(t *testing.T) {
	sec := func(n float64) time.Time { return noon.Add(time.Duration(n * float64(time.Second))) }
	points := []Point{
		{sec(-30), sec(-20), Rates{Messages: 4}},
		{sec(-20), sec(-15), Rates{Messages: 10}},
		{sec(-15), sec(0), Rates{Messages: 2}},
	}
	got := Buckets(points, messagesOf, noon, 40*time.Second, 4)
	require.True(t, math.IsNaN(got[0]), "before the first sample")
	require.Equal(t, []float64{4, 6, 2}, got[1:])
	require.Empty(t, Buckets(points, messagesOf, noon, Window, 0))
	// More columns than samples: each point covers several.
	for _, v := range Buckets(points[2:], messagesOf, noon, 10*time.Second, 20) {
		require.Equal(t, 2.0, v)
	}
}

func TestSparkline(t *testing.T) {
	nan := math.NaN()
	require.Equal(t, " ▁▂▅█", Sparkline([]float64{nan, 0, 0.001, 4, 7}))
	require.Equal(t, "▁▁", Sparkline([]float64{0, 0}))
	require.Equal(t, "  ", Sparkline([]float64{nan, nan}))
	require.Empty(t, Sparkline(nil))
}

func TestGauge(t *testing.T) {
	for part, want := range map[float64]string{0: "░░░░", 0.001: "█░░░", 0.5: "██░░", 0.99: "███░", 1: "████"} {
		require.Equal(t, want, Gauge(part, 4), "%v", part)
	}
	require.Empty(t, Gauge(0.5, 0))
}

func TestUntilKeepsTheBeat(t *testing.T) {
	require.Equal(t, 700*time.Millisecond, Until(noon, noon.Add(5300*time.Millisecond), time.Second))
	require.Equal(t, time.Second, Until(noon, noon.Add(5*time.Second), time.Second))
	require.Equal(t, time.Second, Until(noon, noon.Add(-time.Hour), time.Second), "the clock was set back")
}
