package report

import (
	"strings"
)

// Figure is one of several figures of a case, with its target.
type Figure struct {
	Name     string  `json:"name"`
	Unit     string  `json:"unit"`
	Most     float64 `json:"most,omitempty"`      // the target; 0: none
	Least    float64 `json:"least,omitempty"`     // the same, where more is better
	OfOther  bool    `json:"of_other,omitempty"`  // Most or Least counts in baselines
	NotUnder float64 `json:"not_under,omitempty"` // and is never less than this
	Value    Spread  `json:"value"`
	Baseline *Spread `json:"baseline,omitempty"`
	Ratio    *Spread `json:"ratio,omitempty"` // to the baseline of the same run, over the runs
}

func (f *Figure) summarize(r *Result) {
	f.Value = r.of(func(run *Run) float64 { return run.Figures[f.Name] })
	if _, ok := r.Runs[0].Baseline[f.Name]; ok {
		b := r.of(func(run *Run) float64 { return run.Baseline[f.Name] })
		f.Baseline = &b
		// A drift from run to run affects both, so the ratio is taken in each run.
		ratio := r.of(func(run *Run) float64 { return run.Figures[f.Name] / run.Baseline[f.Name] })
		if b.Min > 0 {
			f.Ratio = &ratio
		}
	}
}

// Met reports whether the median of the runs meets the target, and whether there is
// one. For a target in baselines the median of the runs' ratios counts.
func (f *Figure) Met() (met, has bool) {
	switch {
	case f.OfOther && f.Least > 0:
		return f.Ratio != nil && f.Ratio.Median >= f.Least, true
	case f.OfOther && f.Most > 0:
		return f.Baseline != nil && f.Value.Median <= f.NotUnder || f.Ratio != nil && f.Ratio.Median <= f.Most, true
	case f.Most > 0:
		return f.Value.Median <= f.Most, true
	case f.Least > 0:
		return f.Value.Median >= f.Least, true
	}
	return false, false
}

// target returns the cell of a table that shows the target.
func (f *Figure) target() string {
	switch {
	case f.Most > 0 && f.OfOther && f.NotUnder > 0:
		return "≤ " + three(f.Most) + " × baseline, or " + in(f.Unit, f.NotUnder)
	case f.Most > 0 && f.OfOther:
		return "≤ " + three(f.Most) + " × baseline"
	case f.Least > 0 && f.OfOther:
		return "≥ " + three(f.Least) + " × baseline"
	case f.Most > 0:
		return "≤ " + in(f.Unit, f.Most)
	case f.Least > 0:
		return "≥ " + in(f.Unit, f.Least)
	}
	return ""
}

// figureRows returns the rows of a table for a result's figures. The first of them
// describes the case.
func (r *Result) figureRows(name string) [][]string {
	var rows [][]string
	for i := range r.Figures {
		f := &r.Figures[i]
		verdict, baseline, ratio, about := "", "", "", ""
		if met, has := f.Met(); has {
			verdict = map[bool]string{true: "yes", false: "no"}[met]
		}
		if f.Baseline != nil {
			baseline = in(f.Unit, f.Baseline.Median)
		}
		if f.Ratio != nil {
			ratio = three(f.Ratio.Median) + " (" + three(f.Ratio.Min) + " – " + three(f.Ratio.Max) + ")"
		}
		if i == 0 {
			about = r.About
		}
		rows = append(rows, []string{name, f.Name, in(f.Unit, f.Value.Median), in(f.Unit, f.Value.Min) + " – " + in(f.Unit, f.Value.Max),
			f.target(), verdict, baseline, ratio, about})
	}
	return rows
}

// benchUnit returns the figure's unit in Go's benchmark format, with a prefix.
func (f *Figure) benchUnit(before string) string {
	unit, ok := map[string]string{Percent: "percent", Ringfuls: "ringfuls", PerSecond: "per-second", BytesPerSec: "bytes-per-second", Times: "ratio", Number: "count"}[f.Unit]
	if !ok {
		unit = "ns/op"
	}
	return before + strings.ReplaceAll(f.Name, " ", "-") + "-" + unit
}
