package bench

import (
	"fmt"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/report"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// newRun returns the run that the processes' answers make up: those of the case itself,
// and those of each time that its baseline was measured.
func (c Case) newRun(answers []worker.Reply, baselines ...[]worker.Reply) (run report.Run, err error) {
	r := together(answers)
	run = report.Run{Count: r.Count, Seconds: r.Took.Seconds(), Hist: r.Hist}
	switch {
	case len(c.shows) > 0:
		if run.Figures, err = figures(c.spec, answers); err == nil && c.baseline != nil {
			run.Baseline, err = c.baselineFigures(baselines)
		}
		run.Hist, run.Value = nil, run.Figures[c.shows[0].Name]
		return run, err
	case c.Unit == report.Percent:
		run.Value = 100 * float64(r.CPU) / float64(r.Took)
	case c.Unit == report.PerSecond:
		run.Value = r.Rate()
	case r.Hist == nil:
		run.Value = float64(r.Took) / float64(r.Count)
	default:
		h, err := hdrhistogram.Decode(r.Hist)
		if err != nil {
			return run, fmt.Errorf("histogram: %w", err)
		}
		run.Percentiles = report.PercentilesOf(h)
		run.Value = run.Percentiles.P50
	}
	return run, nil
}

// baselineFigures returns the means of the figures of the baseline.
func (c Case) baselineFigures(baselines [][]worker.Reply) (map[string]float64, error) {
	mean := map[string]float64{}
	for _, answers := range baselines {
		said, err := figures(*c.baseline, answers)
		if err != nil {
			return nil, fmt.Errorf("baseline: %w", err)
		}
		for name, v := range said {
			mean[name] += v / float64(len(baselines))
		}
	}
	return mean, nil
}
