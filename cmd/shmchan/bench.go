package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/report"
)

// How it is measured unless asked otherwise: all cases in well under a minute.
const (
	benchRuns     = 3
	benchDuration = 100 * time.Millisecond
	quickDuration = 20 * time.Millisecond
)

// benchmark is `shmchan bench`.
type benchmark struct {
	*app
	how      report.Settings
	cases    []bench.Case // nil: those of Standard
	quick    bool
	list     bool
	asJSON   bool
	benchfmt bool
	plot     string
}

func newBench(a *app) *cobra.Command {
	v := &benchmark{app: a, how: report.Settings{Runs: benchRuns, Duration: benchDuration}}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this machine, beside what it could do at best",
		Long: `Measure latency and throughput of channels between processes on this machine,
beside those of pipes, UNIX sockets and POSIX message queues. Around each run the
same two processes measure what bounds it: a cache line's way between them
(LINE), a minimal ring for one sender (RING), and a futex with both asleep
(FUTEX). Compare machines, and days, by the ratios to these: × LINE and so on.

The cases take about 40 seconds. Those of waiting, which take a few seconds each,
and of gathering (batches, large messages and commands, each beside what a C program
does; four minutes in all) run only where --run names them: each figure stands beside
the target that it is to reach. Nothing else should run meanwhile.`,
		Example: `  shmchan bench --pin
  shmchan bench --run 'latency/(spinning|pipe)' --runs 5
  shmchan bench --run waiting
  shmchan bench --run gather --duration 50ms
  shmchan bench --benchfmt > old; shmchan bench --benchfmt > new; benchstat old new
  shmchan bench --plot bench.svg`,
		Args: noArgs,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(&value[[]bench.Case]{&v.cases, "REGEXP", parseCases, ""}, "run", "only the cases whose names match")
	flags.BoolVar(&v.list, "list", false, "list the cases, measuring nothing")
	flags.BoolVar(&v.how.Pinned, "pin", false, "keep the receiver on one processor and its senders on another")
	flags.Var(&value[int]{&v.how.Runs, "N", parseRuns, fmt.Sprint(benchRuns)}, "runs", "how often each case runs")
	flags.Var(&value[time.Duration]{&v.how.Duration, "DUR", parseRunTime, benchDuration.String()}, "duration", "how long each run takes, after its warm-up")
	flags.BoolVar(&v.quick, "quick", false, "one short run of each: shows that it works, and little more")
	jsonFlag(flags, &v.asJSON)
	flags.BoolVar(&v.benchfmt, "benchfmt", false, "print Go's benchmark format, for benchstat")
	flags.StringVar(&v.plot, "plot", "", "also draw latency percentiles and throughput by size, as `FILE.svg`")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		a.verb = cmd.Name()
		if v.quick {
			if !flags.Changed("runs") {
				v.how.Runs = 1
			}
			if !flags.Changed("duration") {
				v.how.Duration = quickDuration
			}
		}
		switch {
		case v.asJSON && v.benchfmt:
			return usagef("--json and --benchfmt are mutually exclusive")
		case v.plot != "" && filepath.Ext(v.plot) != ".svg":
			return usagef("--plot: invalid file name %q: want one that ends in .svg", v.plot)
		case v.list:
			return v.names()
		case v.cases == nil:
			v.cases = slices.DeleteFunc(bench.Cases(), func(c bench.Case) bool { return !c.Standard() })
		}
		return a.graceful(cmd.Context(), v.run)
	}
	return cmd
}

func parseCases(s string) ([]bench.Case, error) {
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, fmt.Errorf("invalid regular expression %q: %s", s, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	cases := bench.Select(bench.Cases(), re)
	if len(cases) == 0 {
		return nil, fmt.Errorf("no case matches %q; --list shows their names", s)
	}
	return cases, nil
}

func parseRuns(s string) (int, error) {
	n, err := parseCount(s)
	if err != nil || n < 1 || n > 1000 {
		return 0, fmt.Errorf("invalid number of runs %q: want 1 to 1000", s)
	}
	return int(n), nil
}

func parseRunTime(s string) (time.Duration, error) {
	d, err := anyDuration(s)
	if err == nil && (d < time.Millisecond || d > time.Minute) {
		err = fmt.Errorf("invalid duration %q: want 1ms to 1m", s)
	}
	return d, err
}

func (v *benchmark) names() error {
	cases := v.cases
	if cases == nil {
		cases = bench.Cases()
	}
	for _, c := range cases {
		if _, err := fmt.Fprintln(v.stdout, c.Name); err != nil {
			return err
		}
	}
	return nil
}

func (v *benchmark) run(ctx context.Context) error {
	progress, clear := v.progress()
	rep, err := bench.Measure(ctx, v.cases, v.how, progress)
	clear()
	if err != nil {
		return err
	}
	if v.plot != "" {
		if err := v.draw(rep); err != nil {
			return err
		}
	}
	switch {
	case v.asJSON:
		out := json.NewEncoder(v.stdout)
		out.SetIndent("", "  ")
		return written(out.Encode(rep))
	case v.benchfmt:
		return written(rep.WriteBenchfmt(v.stdout))
	}
	return written(rep.WriteText(v.stdout))
}

// progress returns what shows how far it has come: on a terminal a line that
// clear removes, elsewhere what -v shows.
func (v *benchmark) progress() (show func(bench.Case), clear func()) {
	screen, ok := v.stderr.(*os.File)
	drawn := ok && !v.quiet && !v.verbose && term.IsTerminal(int(screen.Fd()))
	total, begun, width := v.how.Runs*len(v.cases), 0, 0
	draw := func(line string) {
		fmt.Fprintf(screen, "\r%-*s\r%s", width, "", line)
		width = len(line)
	}
	show = func(c bench.Case) {
		begun++
		line := fmt.Sprintf("run %d of %d: %s", begun, total, c.Name)
		if v.detail("%s", line); drawn {
			draw(line)
		}
	}
	clear = func() {
		if drawn {
			draw("")
		}
	}
	return show, clear
}

func (v *benchmark) draw(rep *report.Report) error {
	f, err := os.Create(v.plot)
	if err != nil {
		return err
	}
	err = rep.WritePlots(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = os.Remove(v.plot)
		return fmt.Errorf("plot %s: %w", v.plot, err)
	}
	return nil
}
