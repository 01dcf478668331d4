package bench

import (
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

const (
	plotWidth, plotHeight = 24 * vg.Centimeter, 12 * vg.Centimeter
	legendWidth           = 4 * vg.Centimeter
	margin                = vg.Centimeter / 2
)

var errNothingToPlot = errors.New("nothing to plot: no latency and no throughput was measured")

// WritePlots writes latency percentiles and throughput by size as one SVG, of
// those that were measured.
func (rep *Report) WritePlots(w io.Writer) error {
	var plots []*chart
	for _, of := range []func(*Report) (*chart, error){latencyPlot, throughputPlot} {
		p, err := of(rep)
		if err != nil {
			return err
		}
		if p != nil {
			plots = append(plots, p)
		}
	}
	if len(plots) == 0 {
		return errNothingToPlot
	}
	return writeSVG(w, plots...)
}

// WriteLatencyPlot and WriteThroughputPlot write one of them.
func (rep *Report) WriteLatencyPlot(w io.Writer) error    { return rep.writePlot(w, latencyPlot) }
func (rep *Report) WriteThroughputPlot(w io.Writer) error { return rep.writePlot(w, throughputPlot) }

func (rep *Report) writePlot(w io.Writer, of func(*Report) (*chart, error)) error {
	p, err := of(rep)
	if err == nil && p == nil {
		err = errNothingToPlot
	}
	if err != nil {
		return err
	}
	return writeSVG(w, p)
}

func writeSVG(w io.Writer, charts ...*chart) error {
	canvas := vgsvg.New(plotWidth, plotHeight*vg.Length(len(charts)))
	all := draw.New(canvas)
	all.SetColor(color.White) // also under a legend, and on a dark page
	all.Fill(all.Rectangle.Path())
	tiles := draw.Tiles{Rows: len(charts), Cols: 1, PadTop: margin, PadBottom: margin, PadLeft: margin, PadRight: margin, PadY: 2 * margin}
	for i, c := range charts {
		tile := tiles.At(all, 0, i)
		c.plot.Draw(draw.Crop(tile, 0, -legendWidth, 0, 0))
		c.legend.Draw(draw.Crop(tile, tile.Size().X-legendWidth+margin, 0, 0, -2*vg.Centimeter))
	}
	_, err := canvas.WriteTo(w)
	return err
}

// chart is a plot with its legend beside it.
type chart struct {
	plot   *plot.Plot
	legend plot.Legend
	lines  int
}

func newChart(rep *Report, title string) *chart {
	p := plot.New()
	p.Title.Text = title + "\n" + rep.Machine.String() + ", " + day(rep.Date)
	p.Title.TextStyle.Font.Size = vg.Points(9)
	p.Title.Padding = 3 * vg.Millimeter
	p.Add(plotter.NewGrid())
	legend := plot.NewLegend()
	legend.Top, legend.Left = true, true
	legend.TextStyle.Font.Size = vg.Points(10)
	legend.Padding = vg.Millimeter
	return &chart{plot: p, legend: legend}
}

// add adds a case's line, told apart by colour and dashes.
func (c *chart) add(name string, points plotter.XYs, marks bool) error {
	line, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		return fmt.Errorf("plot %s: %w", name, err)
	}
	const colours = 7 // that plotutil has
	line.Color, line.Width = plotutil.Color(c.lines), vg.Points(1.5)
	line.Dashes = plotutil.Dashes(c.lines / colours)
	c.plot.Add(line)
	shown := []plot.Thumbnailer{line}
	if marks {
		dots.Color, dots.Shape = line.Color, plotutil.Shape(c.lines)
		c.plot.Add(dots)
		shown = append(shown, dots)
	}
	c.legend.Add(name, shown...)
	c.lines++
	return nil
}

// some is the chart, or nil if it is empty.
func (c *chart) some() *chart {
	if c.lines == 0 {
		return nil
	}
	return c
}

// latencyPlot has a line a case: how much of it was at least as quick. It is nil
// without any.
func latencyPlot(rep *Report) (*chart, error) {
	c := newChart(rep, "Latency, one way, 64 bytes")
	p := c.plot
	p.X.Label.Text, p.Y.Label.Text = "percentile", "one way"
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, decades(nanos)
	p.X.Tick.Marker = plot.ConstantTicks{
		{Value: 0, Label: "0"}, {Value: 1, Label: "90"}, {Value: 2, Label: "99"}, {Value: 3, Label: "99.9"}, {Value: 4, Label: "99.99"},
	}
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
		if len(points) == 0 { // too few samples
			continue
		}
		if err := c.add(name, points, false); err != nil {
			return nil, err
		}
	}
	return c.some(), nil
}

// percentileLine is the latency of all runs together, by the number of nines.
func percentileLine(r *Result) (plotter.XYs, error) {
	all := hdrhistogram.New(1, int64(longest), 3)
	for i := range r.Runs {
		h, err := hdrhistogram.Decode(r.Runs[i].Hist)
		if err != nil {
			return nil, fmt.Errorf("%s: histogram: %w", r.Name, err)
		}
		all.Merge(h)
	}
	var points plotter.XYs
	// As far as ten samples lie beyond.
	for nines := 0.0; nines <= 4 && math.Pow(10, -nines)*float64(all.TotalCount()) >= 10; nines += 0.05 {
		way := float64(all.ValueAtQuantile(100*(1-math.Pow(10, -nines)))) / 2
		points = append(points, plotter.XY{X: nines, Y: max(way, 1)})
	}
	return points, nil
}

// throughputPlot has a line for each way to send, by the size of a message. It is
// nil without any.
func throughputPlot(rep *Report) (*chart, error) {
	c := newChart(rep, "Throughput, one sender, by size")
	p := c.plot
	p.X.Label.Text, p.Y.Label.Text = "bytes a message", "bytes a second"
	p.X.Scale, p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogScale{}, decades(speed)
	var ticks plot.ConstantTicks
	for _, size := range sizes {
		ticks = append(ticks, plot.Tick{Value: float64(size.bytes), Label: size.name})
	}
	p.X.Tick.Marker = ticks
	for _, way := range []string{"send", "claim", viaPipe, viaUnix, viaSeqpacket, viaMq} {
		var points plotter.XYs
		for i := range rep.Results {
			r := &rep.Results[i]
			for _, size := range sizes {
				// A logarithmic axis has no place for a run in which no message came.
				if r.Name == Throughput+"/"+way+"-"+size.name && r.Value.Median > 0 {
					points = append(points, plotter.XY{X: float64(r.Size), Y: r.Value.Median * float64(r.Size)})
				}
			}
		}
		if len(points) == 0 {
			continue
		}
		if err := c.add(way, points, true); err != nil {
			return nil, err
		}
	}
	return c.some(), nil
}

// decades are the ticks of a logarithmic axis, each power of ten with its unit.
type decades func(float64) string

func (label decades) Ticks(least, most float64) []plot.Tick {
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(least)); e <= math.Ceil(math.Log10(most)); e++ {
		for _, m := range []float64{1, 2, 5} {
			tick := plot.Tick{Value: m * math.Pow(10, e)}
			if m == 1 {
				tick.Label = strings.NewReplacer(".00", "", ".0", "").Replace(label(tick.Value))
			}
			ticks = append(ticks, tick)
		}
	}
	return ticks
}
