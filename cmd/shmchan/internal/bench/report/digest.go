package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// digest lists the six figures of a first page: cases of the channel, each beside a pipe
// and a UNIX socket.
var digest = []struct {
	what                string
	channel, pipe, unix string // cases, "" for none
	bytes               bool   // bytes a second, not messages
}{
	{"one way, 64 bytes, back to back, p50", "latency/default", "latency/pipe", "latency/unix", false},
	{"one way, 64 bytes, neither endpoint spins, p50", "latency/asleep", "latency/pipe", "latency/unix", false},
	{"64 bytes", "throughput/send-64", "throughput/pipe-64", "throughput/unix-64", false},
	{"64 bytes, in batches of 16", "throughput/batch-64", "", "", false},
	{"1 KiB", "throughput/send-1K", "throughput/pipe-1K", "throughput/unix-1K", false},
	{"1 MiB", "throughput/send-1M", "throughput/pipe-1M", "throughput/unix-1M", true},
}

// WriteDigest prints a short table for a first page, as Markdown.
func (rep *Report) WriteDigest(w io.Writer) error {
	by := map[string]*Result{}
	for i := range rep.Results {
		by[rep.Results[i].Name] = &rep.Results[i]
	}
	cell := func(name string, bytes bool) string {
		r := by[name]
		switch {
		case r == nil || len(r.Runs) == 0:
			return ""
		case bytes:
			return speed(r.Value.Median * float64(r.Size))
		}
		return r.figure(r.Value.Median)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s; %s.", day(rep.Date), rep.Machine, rep.Settings)
	if line := by["latency/line"]; line != nil {
		fmt.Fprintf(&b, " A bare cache line takes %s from one process to the other; × line is the time of a message, in multiples of that.", nanos(line.Value.Median))
	}
	b.WriteString("\n\n| | shmchan | pipe | UNIX socket | × line |\n|---|---:|---:|---:|---:|\n")
	for _, row := range digest {
		times := ""
		if r := by[row.channel]; r != nil {
			times = r.times(worker.RefLine)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", row.what,
			cell(row.channel, row.bytes), cell(row.pipe, row.bytes), cell(row.unix, row.bytes), times)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
