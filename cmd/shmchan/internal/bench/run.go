package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/reference"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/report"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// session is what all runs of a measurement share.
type session struct {
	report.Settings
	refs time.Duration // how long one reference takes; 0: by the duration of a run
	dir  string
	cpus []int // that may be used: first the receiver's, then the senders'
}

// Measure runs the cases in rounds, and calls progress before each run. It leaves no
// process and no file behind, even if ctx ends it. The program must serve as a worker
// when it is started with WorkerVerb.
func Measure(ctx context.Context, cases []Case, how report.Settings, progress func(Case)) (*report.Report, error) {
	s := &session{Settings: how}
	rep := &report.Report{Date: time.Now().Truncate(time.Second), Settings: how}
	err := s.open()
	if err == nil {
		defer s.close()
		if rep.Machine, err = report.ThisMachine(); err == nil {
			rep.Results, err = s.rounds(ctx, cases, progress)
		}
	}
	return rep, err
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

func (s *session) close() { _ = os.RemoveAll(s.dir) } // the next session removes what is left

func (s *session) rounds(ctx context.Context, cases []Case, progress func(Case)) ([]report.Result, error) {
	results := make([]report.Result, len(cases))
	for i, c := range cases {
		results[i] = report.Result{Name: c.Name, About: c.About, Unit: c.Unit, Size: c.spec.Size, Senders: c.spec.Senders, Figures: slices.Clone(c.shows)}
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
		results[i].Summarize()
	}
	return results, nil
}

// refTime returns how long one reference takes.
func (s *session) refTime() time.Duration {
	if s.refs > 0 {
		return s.refs
	}
	return min(max(s.Duration/10, 5*time.Millisecond), 50*time.Millisecond)
}

// warmUp returns how long the warm-up of a run takes.
func (s *session) warmUp() time.Duration { return min(s.Duration/2, 200*time.Millisecond) }

// once runs a case once, in processes of its own.
func (s *session) once(ctx context.Context, c Case) (run report.Run, err error) {
	dir, err := os.MkdirTemp(s.dir, "run-")
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := reference.MakeMemory(dir); err != nil {
		return run, err
	}
	g := &group{session: s, ctx: ctx, oneCPU: c.oneCPU, apart: c.apart, free: c.free}
	defer g.end()
	if err := g.start(dir, c.processes()); err != nil {
		return run, err
	}
	before, err := g.references()
	if err != nil {
		return run, err
	}
	said, err := g.measure(c)
	if err != nil {
		return run, err
	}
	after, err := g.references()
	if err != nil {
		return run, err
	}
	if run, err = c.newRun(said.answers, said.baselines...); err != nil {
		return run, err
	}
	run.Refs = map[string]report.Between{}
	for name := range before {
		run.Refs[name] = report.Between{before[name], after[name]}
	}
	return run, nil
}

// said is what the workers of a run answered.
type said struct {
	answers   []worker.Reply
	baselines [][]worker.Reply // once, or before and after
}

// measure runs a case, and its baseline after it or before and after it.
func (g *group) measure(c Case) (all said, err error) {
	warm, d := max(g.warmUp(), c.warm), max(g.Duration, c.least)
	if c.most > 0 {
		d = min(d, c.most)
		warm = min(warm, d/2)
	}
	baseline := func(d time.Duration) error {
		answers, err := g.perform(*c.baseline, warm, d)
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
	if all.answers, err = g.perform(c.spec, warm, d); err != nil {
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

// perform runs what a spec says, by workers or by commands.
func (g *group) perform(s worker.Spec, warm, d time.Duration) ([]worker.Reply, error) {
	switch s.Kind {
	case kindPipeline:
		r, err := g.pipeline(g.ctx, g.dir, s)
		return []worker.Reply{r}, err
	case kindStart:
		r, err := starting(g.ctx, g.dir, s, d)
		return []worker.Reply{r}, err
	}
	return g.work(s, warm, d)
}
