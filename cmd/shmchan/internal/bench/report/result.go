package report

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// Result is a case and its runs.
type Result struct {
	Name        string            `json:"name"`
	About       string            `json:"about"`
	Unit        string            `json:"unit"`
	Size        int               `json:"size,omitempty"`    // bytes a message
	Senders     int               `json:"senders,omitempty"` // default 1
	Skipped     string            `json:"skipped,omitempty"` // what this system lacks
	Value       Spread            `json:"value"`
	Percentiles *Percentiles      `json:"percentiles,omitempty"` // of each the median over the runs
	Ratios      map[string]Spread `json:"ratios,omitempty"`      // to the references, see ratio
	Figures     []Figure          `json:"figures,omitempty"`     // all that the case says, if it is more than one figure
	Runs        []Run             `json:"runs"`
}

// Run is one run of a case, with the references taken around it.
type Run struct {
	Value       float64            `json:"value"`
	Count       uint64             `json:"count,omitempty"` // messages, or round trips
	Seconds     float64            `json:"seconds"`
	Percentiles *Percentiles       `json:"percentiles,omitempty"`
	Refs        map[string]Between `json:"refs,omitempty"`
	Hist        []byte             `json:"hist,omitempty"` // of round trips in nanoseconds, HdrHistogram V2, compressed

	Figures  map[string]float64 `json:"figures,omitempty"`  // by name
	Baseline map[string]float64 `json:"baseline,omitempty"` // the same of the baseline
}

// Between is a reference before and after a run: line and futex in nanoseconds one
// way, ring in records a second.
type Between [2]float64

// Mid returns the mean, which stands for the reference during the run.
func (b Between) Mid() float64 { return (b[0] + b[1]) / 2 }

// Percentiles are those of one way, in nanoseconds.
type Percentiles struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Max  float64 `json:"max"`
}

// Spread is the median of several figures, and their range.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spread(figures []float64) Spread {
	return Spread{measure.Median(figures), slices.Min(figures), slices.Max(figures)}
}

// of returns a figure over the runs, of which there must be at least one.
func (r *Result) of(figure func(*Run) float64) Spread {
	figures := make([]float64, len(r.Runs))
	for i := range r.Runs {
		figures[i] = figure(&r.Runs[i])
	}
	return spread(figures)
}

// ref returns a reference over the runs.
func (r *Result) ref(name string) Spread {
	return r.of(func(run *Run) float64 { return run.Refs[name].Mid() })
}

// PercentilesOf returns the percentiles of one way from a histogram of round trips.
func PercentilesOf(h *hdrhistogram.Histogram) *Percentiles {
	way := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 2 }
	return &Percentiles{way(50), way(90), way(99), way(99.9), float64(h.Max()) / 2}
}

// ratio returns a run's figure divided by a reference. For ring it is messages divided
// by records a second; for line and futex it is the time of a message divided by that
// of the reference. It is 0 where it would mean nothing.
func (r *Result) ratio(run *Run, ref string) float64 {
	by := run.Refs[ref].Mid()
	switch {
	case by == 0 || run.Value == 0 || r.Unit == Percent || len(r.Figures) > 0:
		return 0
	case ref == worker.RefRing && r.Unit == PerSecond:
		return run.Value / by
	case ref == worker.RefRing:
		return 0
	case r.Unit == PerSecond:
		return float64(time.Second) / run.Value / by
	}
	return run.Value / by
}

// Summarize works out the values, ratios, figures and percentiles of all runs.
func (r *Result) Summarize() {
	if len(r.Runs) == 0 {
		return
	}
	r.Value = r.of(func(run *Run) float64 { return run.Value })
	r.Ratios = map[string]Spread{}
	for _, ref := range []string{worker.RefLine, worker.RefRing, worker.RefFutex} {
		if s := r.of(func(run *Run) float64 { return r.ratio(run, ref) }); s.Median != 0 {
			r.Ratios[ref] = s
		}
	}
	if len(r.Ratios) == 0 {
		r.Ratios = nil
	}
	for i := range r.Figures {
		r.Figures[i].summarize(r)
	}
	if r.Runs[0].Percentiles != nil {
		p := func(of func(*Percentiles) float64) float64 {
			return r.of(func(run *Run) float64 { return of(run.Percentiles) }).Median
		}
		r.Percentiles = &Percentiles{
			P50:  p(func(p *Percentiles) float64 { return p.P50 }),
			P90:  p(func(p *Percentiles) float64 { return p.P90 }),
			P99:  p(func(p *Percentiles) float64 { return p.P99 }),
			P999: p(func(p *Percentiles) float64 { return p.P999 }),
			Max:  p(func(p *Percentiles) float64 { return p.Max }),
		}
	}
}
