package watch

import (
	"math"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
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

func TestNumbersAreShort(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 0.25: "0.2", 3: "3", 9.96: "10", 999: "999", 999.9: "1k", 1234: "1.2k", 123456: "123k", 5e6: "5M"} {
		require.Equal(t, want, Count(n), "%v", n)
	}
	for n, want := range map[float64]string{1023: "1023", 1024: "1K", 1536: "1.5K", 1 << 30: "1G"} {
		require.Equal(t, want, Size(n), "%v", n)
	}
	for part, want := range map[float64]string{0: "0%", 0.001: "<1%", 0.5: "50%", 0.999: "99%", 1: "100%"} {
		require.Equal(t, want, Percent(part), "%v", part)
	}
	for d, want := range map[time.Duration]string{-1: "0ms", 12 * time.Millisecond: "12ms", 90 * time.Second: "1m", 90 * time.Minute: "1h", 72 * time.Hour: "3d"} {
		require.Equal(t, want, age(d), "%v", d)
	}
}

func TestFitCutsByColumns(t *testing.T) {
	for _, s := range []string{"", "short", "a name that is long", "通道通道通道通道", "e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301"} {
		for w := range 12 {
			require.LessOrEqual(t, ansi.StringWidth(fit(s, w)), w, "%q in %d", s, w)
			require.Equal(t, w, ansi.StringWidth(left(s, w)), "%q in %d", s, w)
			require.Equal(t, w, ansi.StringWidth(right(s, w)), "%q in %d", s, w)
		}
	}
	require.Equal(t, `"a\x1bb"`, plain("a\x1bb"))
}

func TestUntilKeepsTheBeat(t *testing.T) {
	require.Equal(t, 700*time.Millisecond, Until(noon, noon.Add(5300*time.Millisecond), time.Second))
	require.Equal(t, time.Second, Until(noon, noon.Add(5*time.Second), time.Second))
	require.Equal(t, time.Second, Until(noon, noon.Add(-time.Hour), time.Second), "the clock was set back")
}
