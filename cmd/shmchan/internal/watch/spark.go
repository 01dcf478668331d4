package watch

import (
	"math"
	"strings"
	"time"
)

// bars are the heights of a sparkline. The first stands for 0 only.
var bars = []rune("▁▂▃▄▅▆▇█")

// Buckets divides the window before now into n intervals of equal length, and returns the
// mean over time of the points in each, or NaN if there are none.
func Buckets(points []Point, of func(Rates) float64, now time.Time, window time.Duration, n int) []float64 {
	all := make([]float64, max(n, 0))
	type lap struct{ from, to time.Duration } // before now
	laps := make([]lap, len(points))
	for i, p := range points {
		laps[i] = lap{p.From.Sub(now), p.To.Sub(now)}
	}
	for i := range all {
		from := -window + window*time.Duration(i)/time.Duration(n)
		to := -window + window*time.Duration(i+1)/time.Duration(n)
		sum, covered := 0.0, time.Duration(0)
		for j, l := range laps {
			if part := min(l.to, to) - max(l.from, from); part > 0 {
				sum += of(points[j].Rates) * part.Seconds()
				covered += part
			}
		}
		all[i] = math.NaN()
		if covered > 0 {
			all[i] = sum / covered.Seconds()
		}
	}
	return all
}

// Sparkline draws values as bars, the greatest at full height. A value above 0 is visible,
// and NaN is a blank.
func Sparkline(values []float64) string {
	most := 0.0
	for _, v := range values {
		if v > most { // false for NaN
			most = v
		}
	}
	var b strings.Builder
	for _, v := range values {
		switch {
		case math.IsNaN(v):
			b.WriteByte(' ')
		case v <= 0 || most <= 0:
			b.WriteRune(bars[0])
		default:
			top := len(bars) - 1
			b.WriteRune(bars[min(max(int(math.Ceil(v/most*float64(top))), 1), top)])
		}
	}
	return b.String()
}

// Gauge draws a part of a whole, from 0 to 1, in n columns. It is empty only for 0, and
// full only for 1.
func Gauge(part float64, n int) string {
	on := min(max(int(math.Round(part*float64(n))), 0), n)
	if part > 0 && on == 0 {
		on = min(1, n)
	}
	if part < 1 && on == n {
		on = max(n-1, 0)
	}
	return strings.Repeat("█", on) + strings.Repeat("░", n-on)
}
