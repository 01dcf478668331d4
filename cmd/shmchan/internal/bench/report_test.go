package bench

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/report"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// sample returns a report of a made-up machine: one case of each group, and one that
// was skipped.
func sample(t *testing.T) *report.Report {
	t.Helper()
	h := hdrhistogram.New(1, int64(measure.Longest), 3)
	for n := int64(1); n <= 1000; n++ {
		require.NoError(t, h.RecordValue(200+n/2))
	}
	hist, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	require.NoError(t, err)
	says := map[string]worker.Reply{
		"latency/spinning":   {Count: 1000, Took: time.Second, Hist: hist},
		"throughput/send-1K": {Count: 4_000_000, Took: time.Second},
		"pipeline/fifo-100":  {Count: 500_000, Took: 50 * time.Millisecond},
		"cost/attach":        {Count: 10_000, Took: time.Second},
		"cost/idle":          {Took: time.Second, CPU: 3 * time.Millisecond},
		"waiting/done":       {Count: 1000, Hist: hist},
	}
	rep := &report.Report{
		Date:     time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC),
		Machine:  report.Machine{CPU: "Abacus", Processors: 2, Virtual: true, Kernel: "Linux 7.0", GOOS: "linux", GOARCH: "amd64", Go: "go1.30", Clock: 25},
		Settings: report.Settings{Runs: 2, Duration: time.Second, Pinned: true},
	}
	for _, c := range Cases() {
		r, ok := says[c.Name]
		if !ok && c.Name != "latency/mq" {
			continue
		}
		result := report.Result{Name: c.Name, About: c.About, Unit: c.Unit, Size: c.spec.Size, Senders: c.spec.Senders, Figures: slices.Clone(c.shows)}
		if !ok {
			result.Skipped = "no message queues here"
		}
		for i := range rep.Settings.Runs {
			if !ok {
				break
			}
			run, err := c.newRun([]worker.Reply{r}, []worker.Reply{r})
			require.NoError(t, err)
			drift := float64(i) // the machine is slower in the second run
			run.Refs = map[string]report.Between{worker.RefLine: {40 + drift, 42 + drift}, worker.RefRing: {50e6, 40e6}, worker.RefFutex: {5000, 5500}}
			run.Value *= 1 + drift/10
			result.Runs = append(result.Runs, run)
		}
		result.Summarize()
		rep.Results = append(rep.Results, result)
	}
	return rep
}

// compare compares the output with a file, or writes the file if UPDATE_GOLDEN is set.
func compare(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func TestReportInEveryForm(t *testing.T) {
	rep := sample(t)
	for name, write := range map[string]func(io.Writer) error{
		"report.txt":   rep.WriteText,
		"report.md":    rep.WriteMarkdown,
		"report.bench": rep.WriteBenchfmt,
		"report.json": func(w io.Writer) error {
			plain := *rep
			plain.Results = append([]report.Result(nil), rep.Results...)
			for i := range plain.Results {
				plain.Results[i].Runs = append([]report.Run(nil), rep.Results[i].Runs...)
				for j := range plain.Results[i].Runs {
					plain.Results[i].Runs[j].Hist = nil // compressed: differs between versions
				}
			}
			out := json.NewEncoder(w)
			out.SetIndent("", "  ")
			return out.Encode(&plain)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, write(&b))
			compare(t, name, b.Bytes())
		})
	}
}

// The format has lines of a key and a value, then an empty line, then lines of a
// name, a count, and pairs of a figure and its unit.
func TestBenchfmtIsWellFormed(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, sample(t).WriteBenchfmt(&b))
	head, body, ok := strings.Cut(b.String(), "\n\n")
	require.True(t, ok)
	for line := range strings.SplitSeq(head, "\n") {
		require.Regexp(t, `^[a-z]+: \S.*$`, line)
	}
	results := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
	require.Len(t, results, 2*6)
	for _, line := range results {
		require.Regexp(t, `^Benchmark[A-Z]\S+ \d+( [0-9.e+-]+ [a-zA-Z]\S*)+$`, line)
		require.NotRegexp(t, `^\S+-\d+ `, line, "benchstat takes a -N suffix for the number of processors")
	}
}

// JSON keeps everything, so that refresh can write the pages and plots later.
func TestReportComesBackFromJSON(t *testing.T) {
	rep := sample(t)
	raw, err := json.Marshal(rep)
	require.NoError(t, err)
	var back report.Report
	require.NoError(t, json.Unmarshal(raw, &back))
	require.Equal(t, rep, &back)
}

func TestPlots(t *testing.T) {
	rep := sample(t)
	for name, draw := range map[string]func(io.Writer) error{
		"both": rep.WritePlots, "latency": rep.WriteLatencyPlot, "throughput": rep.WriteThroughputPlot,
	} {
		var b bytes.Buffer
		require.NoError(t, draw(&b), name)
		require.NoError(t, xml.Unmarshal(b.Bytes(), &struct{}{}), name)
	}
	require.ErrorIs(t, (&report.Report{}).WritePlots(io.Discard), report.ErrNothingToPlot)
}

// Plots can be drawn from very little data, and omit what was not measured.
func TestPlotsOfLittle(t *testing.T) {
	const trip, message = report.Latency + "/line", report.Throughput + "/pipe-64"
	made := func(t *testing.T, name string, unit string, r worker.Reply) *report.Report {
		c := Case{Name: name, Unit: unit, spec: worker.Spec{Size: measure.RecordBytes}}
		run, err := c.newRun([]worker.Reply{r})
		require.NoError(t, err)
		result := report.Result{Name: name, Unit: unit, Size: measure.RecordBytes, Runs: []report.Run{run}}
		result.Summarize()
		return &report.Report{Results: []report.Result{result}}
	}
	trips := func(t *testing.T, n int, nanos int64) worker.Reply {
		h := hdrhistogram.New(1, int64(measure.Longest), 3)
		for range n {
			require.NoError(t, h.RecordValue(nanos))
		}
		hist, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
		require.NoError(t, err)
		return worker.Reply{Count: uint64(n), Took: time.Second, Hist: hist}
	}
	for name, rep := range map[string]*report.Report{
		"one round trip":            made(t, trip, report.Nanoseconds, trips(t, 1, 200)),
		"nine round trips":          made(t, trip, report.Nanoseconds, trips(t, 9, 200)),
		"ten round trips":           made(t, trip, report.Nanoseconds, trips(t, 10, 200)),
		"many of two nanoseconds":   made(t, trip, report.Nanoseconds, trips(t, 1000, 2)),
		"one message in a minute":   made(t, message, report.PerSecond, worker.Reply{Count: 1, Took: time.Minute}),
		"one message in 64 seconds": made(t, message, report.PerSecond, worker.Reply{Count: 1, Took: 64 * time.Second}),
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, rep.WritePlots(&b))
			require.NoError(t, xml.Unmarshal(b.Bytes(), &struct{}{}))
		})
	}
	for name, rep := range map[string]*report.Report{
		"no round trip":                 made(t, trip, report.Nanoseconds, trips(t, 0, 0)),
		"round trips that took no time": made(t, trip, report.Nanoseconds, trips(t, 1000, 0)),
		"no message":                    made(t, message, report.PerSecond, worker.Reply{Took: time.Second}),
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, rep.WritePlots(io.Discard), report.ErrNothingToPlot)
		})
	}
}

// On an overloaded machine a run may get nothing done.
func TestPlotsOfRunsThatGotNothingDone(t *testing.T) {
	hist, err := hdrhistogram.New(1, int64(measure.Longest), 3).Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	require.NoError(t, err)
	rep := sample(t)
	for i := range rep.Results {
		r := &rep.Results[i]
		if r.Name == "latency/spinning" || r.Name == "throughput/send-1K" {
			idle := *r
			idle.Runs, idle.Value.Median = slices.Clone(r.Runs), 0
			for j := range idle.Runs {
				idle.Runs[j].Value, idle.Runs[j].Hist = 0, hist
			}
			rep.Results = append(rep.Results, idle)
		}
	}
	var b bytes.Buffer
	require.NoError(t, rep.WritePlots(&b))
	require.NoError(t, xml.Unmarshal(b.Bytes(), &struct{}{}))
}
