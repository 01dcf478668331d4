package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// Settings say how to measure.
type Settings struct {
	Runs     int           `json:"runs"`     // of each case
	Duration time.Duration `json:"duration"` // of one run, nanoseconds
	Pinned   bool          `json:"pinned"`   // the receiver on one CPU, its senders on another
}

// session is the state of all runs.
type session struct {
	Settings
	refs time.Duration // how long one reference takes; 0: by the duration of a run
	dir  string
	cpus []int // those allowed; the receiver's comes first, then the senders'
}

// Measure runs the cases, in rounds, and calls progress before each run. It
// leaves no process and no file behind, also when ctx ends.
func Measure(ctx context.Context, cases []Case, how Settings, progress func(Case)) (*Report, error) {
	s := &session{Settings: how}
	report := &Report{Date: time.Now().Truncate(time.Second), Settings: how}
	err := s.open()
	if err == nil {
		defer s.close()
		if report.Machine, err = thisMachine(); err == nil {
			report.Results, err = s.rounds(ctx, cases, progress)
		}
	}
	return report, err
}

func (s *session) open() (err error) {
	if s.cpus, err = allowedCPUs(); err != nil {
		return err
	}
	if len(s.cpus) < 2 {
		return errors.New("only one processor may be used here: two processes can't run at a time")
	}
	s.dir, err = makeDir()
	return err
}

func (s *session) close() { _ = os.RemoveAll(s.dir) } // the next session tries again

func (s *session) rounds(ctx context.Context, cases []Case, progress func(Case)) ([]Result, error) {
	results := make([]Result, len(cases))
	for i, c := range cases {
		results[i] = Result{Name: c.Name, About: c.About, Unit: c.Unit, Size: c.spec.Size, Senders: c.spec.Senders, Figures: slices.Clone(c.shows)}
	}
	for range s.Runs {
		for i, c := range cases {
			if results[i].Skipped != "" {
				continue
			}
			progress(c)
			run, err := s.once(ctx, c)
			switch {
			case errors.Is(err, errors.ErrUnsupported):
				results[i].Skipped = err.Error()
				continue
			case err != nil:
				return nil, fmt.Errorf("%s: %w", c.Name, err)
			}
			results[i].Runs = append(results[i].Runs, run)
		}
	}
	for i := range results {
		results[i].summarize()
	}
	return results, nil
}

// refTime is how long one reference takes.
func (s *session) refTime() time.Duration {
	if s.refs > 0 {
		return s.refs
	}
	return min(max(s.Duration/10, 5*time.Millisecond), 50*time.Millisecond)
}

// warmUp goes before a run.
func (s *session) warmUp() time.Duration { return min(s.Duration/2, 200*time.Millisecond) }

// once is one run of a case, by processes of its own.
func (s *session) once(ctx context.Context, c Case) (run Run, err error) {
	dir, err := os.MkdirTemp(s.dir, "run-")
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := makeMemory(dir); err != nil {
		return run, err
	}
	t := &troupe{session: s, ctx: ctx, oneCPU: c.oneCPU, apart: c.apart, free: c.free}
	defer t.end()
	if err := t.start(dir, c.processes()); err != nil {
		return run, err
	}
	before, err := t.references()
	if err != nil {
		return run, err
	}
	said, err := t.measure(c)
	if err != nil {
		return run, err
	}
	after, err := t.references()
	if err != nil {
		return run, err
	}
	if run, err = c.newRun(said.answers, said.baselines...); err != nil {
		return run, err
	}
	run.Refs = map[string]Between{}
	for name := range before {
		run.Refs[name] = Between{before[name], after[name]}
	}
	return run, nil
}

// said is what the processes of a run answered.
type said struct {
	answers   []reply
	baselines [][]reply // once, or before and after
}

// measure runs the case and its baseline.
func (t *troupe) measure(c Case) (all said, err error) {
	warm, d := max(t.warmUp(), c.warm), max(t.Duration, c.least)
	if c.most > 0 {
		d = min(d, c.most)
		warm = min(warm, d/2)
	}
	baseline := func(d time.Duration) error {
		answers, err := t.perform(*c.baseline, warm, d)
		if err != nil {
			return fmt.Errorf("baseline: %w", err)
		}
		all.baselines = append(all.baselines, answers)
		return nil
	}
	if c.around {
		if err := baseline(d / 2); err != nil {
			return all, err
		}
	}
	if all.answers, err = t.perform(c.spec, warm, d); err != nil {
		return all, err
	}
	switch {
	case c.around:
		return all, baseline(d / 2)
	case c.baseline != nil:
		return all, baseline(d)
	}
	return all, nil
}

// perform runs what a spec says, by roles or by commands.
func (t *troupe) perform(s spec, warm, d time.Duration) ([]reply, error) {
	switch s.Kind {
	case kindPipeline:
		r, err := t.pipeline(t.ctx, t.dir, s)
		return []reply{r}, err
	case kindStart:
		r, err := starting(t.ctx, t.dir, s, d)
		return []reply{r}, err
	}
	return t.play(s, warm, d)
}
