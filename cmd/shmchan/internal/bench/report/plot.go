package report

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
)

var ErrNothingToPlot = errors.New("nothing to plot: no latency and no throughput was measured")

// WritePlots writes one SVG with the latency percentiles and the throughput by
// size, as far as they were measured.
func (rep *Report) WritePlots(w io.Writer) error {
	return rep.writePlots(w, latencyChart, throughputChart)
}

// WriteLatencyPlot writes the latency percentiles as an SVG.
func (rep *Report) WriteLatencyPlot(w io.Writer) error { return rep.writePlots(w, latencyChart) }

// WriteThroughputPlot writes the throughput by size as an SVG.
func (rep *Report) WriteThroughputPlot(w io.Writer) error { return rep.writePlots(w, throughputChart) }

func (rep *Report) writePlots(w io.Writer, draw ...func(*Report) (*chart, error)) error {
	var charts []*chart
	for _, of := range draw {
		c, err := of(rep)
		if err != nil {
			return err
		}
		if len(c.lines) > 0 {
			c.subtitle = rep.Machine.String() + ", " + day(rep.Date)
			charts = append(charts, c)
		}
	}
	if len(charts) == 0 {
		return ErrNothingToPlot
	}
	return writeSVG(w, charts)
}

// mostNines bounds the percentiles that are drawn: four nines are 99.99 %.
const mostNines = 4

// latencyChart has a line a case. At each percentile it shows the latency that so
// many of the round trips did not exceed.
func latencyChart(rep *Report) (*chart, error) {
	c := &chart{title: "Latency, one way, 64 bytes"}
	nines := 1.0
	for i := range rep.Results {
		r := &rep.Results[i]
		name, ok := strings.CutPrefix(r.Name, Latency+"/")
		if !ok || len(r.Runs) == 0 {
			continue
		}
		points, err := percentileLine(r)
		if err != nil {
			return nil, err
		}
		if len(points) > 0 {
			c.lines = append(c.lines, line{name: name, points: points})
			nines = max(nines, points[len(points)-1].x)
		}
	}
	c.x, c.y = percentileAxis(nines), logAxis("one way", nanos, c.lines)
	return c, nil
}

// percentileAxis returns an axis that ends at a whole number of nines.
func percentileAxis(nines float64) axis {
	a := axis{label: "percentile", max: math.Ceil(nines)}
	for i, label := range []string{"0", "90", "99", "99.9", "99.99"}[:int(a.max)+1] {
		a.ticks = append(a.ticks, tick{float64(i), label})
	}
	return a
}

// percentileLine returns the latency of all runs together, by the number of nines
// of the percentile. It begins at the quickest round trip and ends where fewer
// than ten samples lie beyond, but not before the median. Round trips that took no
// time by the clock are left out.
func percentileLine(r *Result) ([]point, error) {
	all := hdrhistogram.New(1, int64(measure.Longest), 3)
	for i := range r.Runs {
		h, err := hdrhistogram.Decode(r.Runs[i].Hist)
		if err != nil {
			return nil, fmt.Errorf("%s: histogram: %w", r.Name, err)
		}
		all.Merge(h)
	}
	var points []point
	const perNine = 20
	for i := range mostNines*perNine + 1 {
		nines := float64(i) / perNine
		beyond := math.Pow(10, -nines)
		if beyond < 0.5 && beyond*float64(all.TotalCount()) < 10 {
			break
		}
		trip := all.ValueAtQuantile(100 * (1 - beyond))
		if i == 0 { // quantile 0 of a histogram is 0, whatever was recorded
			trip = all.Min()
		}
		if trip > 0 {
			points = append(points, at(nines, float64(trip)/2))
		}
	}
	return points, nil
}

// throughputChart has a line for each way to send, by the size of a message, with
// the spread of the runs at each point.
func throughputChart(rep *Report) (*chart, error) {
	c := &chart{title: "Throughput, one sender, by size"}
	for _, way := range []string{"send", "claim", "pipe", "unix", "seqpacket", "mq"} {
		l := line{name: way, marks: true}
		for i := range rep.Results {
			r := &rep.Results[i]
			for _, size := range Sizes {
				if r.Name == Throughput+"/"+way+"-"+size.Name && len(r.Runs) > 0 && r.Value.Median > 0 {
					bytes := float64(r.Size)
					l.points = append(l.points, point{bytes, r.Value.Median * bytes, r.Value.Min * bytes, r.Value.Max * bytes})
				}
			}
		}
		if len(l.points) > 0 {
			c.lines = append(c.lines, l)
		}
	}
	least, most := float64(Sizes[0].Bytes), float64(Sizes[len(Sizes)-1].Bytes)
	c.x = axis{label: "bytes a message", log: true, min: least / 1.5, max: most * 1.5}
	for _, size := range Sizes {
		c.x.ticks = append(c.x.ticks, tick{float64(size.Bytes), size.Name})
	}
	c.y = logAxis("bytes a second (bars: range of the runs)", speed, c.lines)
	return c, nil
}
