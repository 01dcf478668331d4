package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Figure is one of several that a case says, with the target that it is to reach.
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
		// What drifts from run to run drifts in both: their ratio is taken run by run.
		ratio := r.of(func(run *Run) float64 { return run.Figures[f.Name] / run.Baseline[f.Name] })
		if b.Min > 0 {
			f.Ratio = &ratio
		}
	}
}

// met reports whether the target is reached, by the median of the runs: of a target
// that counts in baselines, by the median of the runs' ratios. A figure without a
// target has nothing to meet.
func (f *Figure) met() (met, has bool) {
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

// target is its cell.
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

// figureRows are the lines of a result's figures in a table; the first one says what
// the case is.
func (r *Result) figureRows(name string) [][]string {
	var rows [][]string
	for i := range r.Figures {
		f := &r.Figures[i]
		verdict, baseline, ratio, about := "", "", "", ""
		if met, has := f.met(); has {
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

// benchUnit is the figure's unit in Go's benchmark format.
func (f *Figure) benchUnit(before string) string {
	unit, ok := map[string]string{Percent: "percent", Ringfuls: "ringfuls", PerSecond: "per-second", BytesPerSec: "bytes-per-second", Times: "ratio", Number: "count"}[f.Unit]
	if !ok {
		unit = "ns/op"
	}
	return before + strings.ReplaceAll(f.Name, " ", "-") + "-" + unit
}

// The names of figures.
const (
	figP50      = "p50"
	figP90      = "p90"
	figP99      = "p99"
	figMax      = "max"
	figRingfuls = "ringfuls, max"
	figCPU      = "CPU"
	figSenders  = "CPU, senders"
	figReceiver = "CPU, receiver"
	figWakes    = "wakes a message"
	figWakesS   = "wakes"
	figSpread   = "most by least"
	figAlive    = "shown alive"
	figFDs      = "descriptors"
	figRate     = "messages"
	figBytes    = "bytes"
	figEach     = "a message"
	figAllocs   = "allocations a message"
	figOutput   = "bytes of output"
	figTime     = "processor time"
)

// figures works out what the processes of a case said, by its kind.
func figures(s spec, answers []reply) (map[string]float64, error) {
	judge, ok := judges[s.Kind]
	if !ok {
		return nil, fmt.Errorf("kind %q has no figures", s.Kind)
	}
	found := map[string]float64{}
	for _, r := range answers {
		for name, v := range r.Figures {
			found[name] = max(found[name], v)
		}
	}
	err := judge(found, answers)
	if rate, ok := found[figRate]; ok {
		found[figBytes] = rate * float64(s.Size)
		if each, ok := found[figOutput]; ok {
			found[figOutput] = rate * each
		}
	}
	return found, err
}

// judges add to the figures that the processes said themselves.
var judges = map[string]func(found map[string]float64, answers []reply) error{
	kindTrip:        func(found map[string]float64, all []reply) error { return quantiles(found, all[receiving], 0.5) },
	kindFutex:       func(found map[string]float64, all []reply) error { return quantiles(found, all[receiving], 0.5) },
	kindFair:        judgeFair,
	kindBlocked:     judgeBlocked,
	kindBlockedPipe: judgeBlocked,
	kindDeadline:    judgeReceiver,
	kindHandOn:      judgeReceiver,
	kindInside:      judgeReceiver,
	kindMany:        judgeMany,
	kindHosts:       judgeHosts,
	kindDone:        judgeReceiver,
	kindCut:         judgeReceiver,
	kindFlood:       judgeRate,
	kindRing:        judgeRate,
	kindInTurns:     judgeRate,
	kindClaims:      judgeRate,
	kindPlain:       judgeRate,
	kindPipeline:    judgeRate,
	kindStart:       func(map[string]float64, []reply) error { return nil }, // says all itself
}

// judgeRate takes what the receiver took, and what one message took.
func judgeRate(found map[string]float64, all []reply) error {
	found[figRate] = all[receiving].rate()
	if n := all[receiving].Count; n > 0 {
		found[figEach] = float64(all[receiving].Took) / float64(n)
	}
	return nil
}

// judgeFair takes the waits from the sender that is measured.
func judgeFair(found map[string]float64, all []reply) error { return quantiles(found, all[sending], 1) }

// judgeReceiver takes all from the one process that measures.
func judgeReceiver(found map[string]float64, all []reply) error {
	r := all[receiving]
	found[figCPU] = share(r)
	return quantiles(found, r, 1)
}

// judgeMany takes the wakes from the onlooker.
func judgeMany(found map[string]float64, all []reply) error {
	found[figCPU] = share(all[receiving])
	found[figWakesS] = float64(all[sending].Wakes) / all[sending].Took.Seconds()
	return nil
}

// judgeBlocked adds up what all senders used.
func judgeBlocked(found map[string]float64, all []reply) error {
	wakes := uint64(0)
	for _, r := range all[sending:] {
		found[figSenders] += share(r)
		wakes += r.Wakes
	}
	found[figWakes] = float64(wakes) / float64(max(all[receiving].Count, 1))
	if counts := all[receiving].Counts; len(counts) > 0 {
		found[figSpread] = float64(slices.Max(counts)) / float64(max(slices.Min(counts), 1))
	}
	return nil
}

// judgeHosts finds the process of senders that used the most.
func judgeHosts(found map[string]float64, all []reply) error {
	found[figReceiver] = share(all[receiving])
	for _, r := range all[sending:] {
		found[figSenders] = max(found[figSenders], share(r))
	}
	return nil
}

// share is the part of one processor that a process used.
func share(r reply) float64 {
	if r.Took <= 0 {
		return 0
	}
	return 100 * float64(r.CPU) / float64(r.Took)
}

// quantiles adds those of a histogram, if there is one, each by the part of it that
// counts.
func quantiles(found map[string]float64, r reply, part float64) error {
	if r.Hist == nil {
		return nil
	}
	h, err := hdrhistogram.Decode(r.Hist)
	if err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	found[figP50] = part * float64(h.ValueAtQuantile(50))
	found[figP90] = part * float64(h.ValueAtQuantile(90))
	found[figP99] = part * float64(h.ValueAtQuantile(99))
	found[figMax] = part * float64(h.Max())
	return nil
}
