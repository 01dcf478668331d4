package report

import (
	"strconv"
	"time"
)

// three returns v with about three digits.
func three(v float64) string {
	switch {
	case v >= 99.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// scaled returns v in the smallest of the units in which it is below a thousand.
func scaled(v float64, units ...string) string {
	i := 0
	for ; v >= 999.5 && i < len(units)-1; i++ {
		v /= 1000
	}
	return three(v) + " " + units[i]
}

func nanos(v float64) string { return scaled(v, "ns", "µs", "ms", "s") }
func rate(v float64) string  { return scaled(v, "/s", "k/s", "M/s", "G/s") }
func speed(v float64) string { return scaled(v, "B/s", "kB/s", "MB/s", "GB/s") }

// in returns a value with its unit.
func in(unit string, v float64) string {
	switch unit {
	case PerSecond:
		return rate(v)
	case BytesPerSec:
		return speed(v)
	case Percent, Ringfuls:
		return three(v) + " " + unit
	case Times, Number:
		return three(v)
	}
	return nanos(v)
}

// figure returns a value in the result's unit.
func (r *Result) figure(v float64) string { return in(r.Unit, v) }

// from returns the range of several figures.
func (r *Result) from(s Spread) string { return r.figure(s.Min) + " – " + r.figure(s.Max) }

// times returns the cell of a ratio, which is empty if there is none.
func (r *Result) times(ref string) string {
	s, ok := r.Ratios[ref]
	switch {
	case !ok:
		return ""
	case s.Median < 0.0995:
		return strconv.FormatFloat(s.Median, 'f', 3, 64)
	}
	return three(s.Median)
}

// String describes the machine in a line.
func (m Machine) String() string {
	kind := "processors"
	if m.Virtual {
		kind = "virtual processors"
	}
	return m.CPU + ", " + strconv.Itoa(m.Processors) + " " + kind + ", " + m.Kernel + ", " + m.Go + " " + m.GOOS + "/" + m.GOARCH
}

// String describes the settings in a line.
func (s Settings) String() string {
	where := "where the kernel puts them"
	if s.Pinned {
		where = "receiver and senders pinned to a processor each"
	}
	runs := " runs of "
	if s.Runs == 1 {
		runs = " run of "
	}
	return strconv.Itoa(s.Runs) + runs + s.Duration.String() + ", " + where
}

// day returns a date as the tables show it.
func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
