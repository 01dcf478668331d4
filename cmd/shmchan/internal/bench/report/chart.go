package report

import (
	"math"
	"strings"
)

// chart is a diagram of lines, with a legend.
type chart struct {
	title, subtitle string
	x, y            axis
	lines           []line
}

// axis is one direction of a chart.
type axis struct {
	label    string
	log      bool // positions are by the logarithm
	min, max float64
	ticks    []tick
}

// tick is a place on an axis; one without a label is a minor one.
type tick struct {
	value float64
	label string
}

// line is a series of points, in the order in which they are joined.
type line struct {
	name   string
	marks  bool // each point is marked
	points []point
}

// point is a figure, and the range from low to high that it is the median of. A
// low of 0 means that there was nothing to measure.
type point struct{ x, y, low, high float64 }

// at returns a point that stands for itself.
func at(x, y float64) point { return point{x, y, y, y} }

// fraction returns where v lies between the ends of the axis, 0 to 1 inside it.
func (a *axis) fraction(v float64) float64 {
	if a.log {
		return math.Log(v/a.min) / math.Log(a.max/a.min)
	}
	return (v - a.min) / (a.max - a.min)
}

// clip returns the nearest value that lies on the axis.
func (a *axis) clip(v float64) float64 { return min(max(v, a.min), a.max) }

// logAxis returns a logarithmic axis that holds every point of the lines. It has
// ticks at 1, 2 and 5 times each power of ten, and ends at such ticks.
func logAxis(label string, unit func(float64) string, lines []line) axis {
	least, most := math.Inf(1), math.Inf(-1)
	for _, l := range lines {
		for _, p := range l.points {
			for _, v := range []float64{p.y, p.low, p.high} {
				if v > 0 {
					least, most = min(least, v), max(most, v)
				}
			}
		}
	}
	a := axis{label: label, log: true}
	if least > most {
		return a
	}
	for e := math.Floor(math.Log10(least)) - 1; e <= math.Log10(most)+1; e++ {
		for _, m := range []float64{1, 2, 5} {
			t := tick{value: m * math.Pow(10, e)}
			if m == 1 {
				t.label = strings.NewReplacer(".00", "", ".0", "").Replace(unit(t.value))
			}
			a.ticks = append(a.ticks, t)
		}
	}
	for len(a.ticks) > 2 && a.ticks[1].value <= least {
		a.ticks = a.ticks[1:]
	}
	for n := len(a.ticks); n > 2 && a.ticks[n-2].value >= most; n-- {
		a.ticks = a.ticks[:n-1]
	}
	a.min, a.max = a.ticks[0].value, a.ticks[len(a.ticks)-1].value
	return a
}
