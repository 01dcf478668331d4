package report

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// WriteBenchfmt prints the report in the format of Go benchmarks
// (golang.org/design/14313-benchmark-format), a line a run, for benchstat to compare.
func (rep *Report) WriteBenchfmt(w io.Writer) error {
	m, out := rep.Machine, bufio.NewWriter(w)
	for _, c := range [][2]string{
		{"goos", m.GOOS}, {"goarch", m.GOARCH}, {"cpu", m.CPU}, {"go", m.Go}, {"kernel", m.Kernel},
		{"pkg", "github.com/shmchan/shmchan/cmd/shmchan"}, {"pinned", strconv.FormatBool(rep.Settings.Pinned)},
	} {
		fmt.Fprintf(out, "%s: %s\n", c[0], c[1])
	}
	fmt.Fprintln(out)
	for i := range rep.Results {
		r := &rep.Results[i]
		for j := range r.Runs {
			fmt.Fprintf(out, "Benchmark%s %d", r.benchName(), max(r.Runs[j].Count, 1))
			for _, v := range r.benchValues(&r.Runs[j]) {
				fmt.Fprintf(out, " %v %s", v.value, v.unit)
			}
			fmt.Fprintln(out)
		}
	}
	return out.Flush()
}

// benchValue is a figure of a line.
type benchValue struct {
	value float64
	unit  string
}

// benchName returns Group/case=name/size=n/senders=n. Its end cannot be taken for a
// number of processors.
func (r *Result) benchName() string {
	group, name, _ := strings.Cut(r.Name, "/")
	full := strings.ToUpper(group[:1]) + group[1:] + "/case=" + name
	if r.Size > 0 {
		full += "/size=" + strconv.Itoa(r.Size)
	}
	if r.Senders > 1 {
		full += "/senders=" + strconv.Itoa(r.Senders)
	}
	return full
}

func (r *Result) benchValues(run *Run) []benchValue {
	var values []benchValue
	add := func(v float64, unit string) {
		v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64) // further digits mean nothing
		values = append(values, benchValue{v, unit})
	}
	for _, f := range r.Figures {
		add(run.Figures[f.Name], f.benchUnit(""))
		if v, ok := run.Baseline[f.Name]; ok {
			add(v, f.benchUnit("baseline-"))
		}
	}
	switch {
	case len(r.Figures) > 0:
	case r.Unit == PerSecond:
		add(1e9/run.Value, "ns/op")
		add(run.Value*float64(r.Size)/1e6, "MB/s")
	case r.Unit == Percent:
		add(run.Value, "cpu-percent")
	default:
		add(run.Value, "ns/op")
	}
	if p := run.Percentiles; p != nil {
		add(p.P90, "p90-ns/op")
		add(p.P99, "p99-ns/op")
		add(p.P999, "p99.9-ns/op")
		add(p.Max, "max-ns/op")
	}
	add(run.Refs[worker.RefLine].Mid(), "line-ns/op")
	add(1e9/run.Refs[worker.RefRing].Mid(), "ring-ns/op")
	add(run.Refs[worker.RefFutex].Mid(), "futex-ns/op")
	return values
}
