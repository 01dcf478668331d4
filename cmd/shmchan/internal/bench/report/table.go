package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// table is a group of results as it is printed.
type table struct {
	title   string
	columns []string
	rows    [][]string
	note    string
}

// figureColumns are those of groups whose cases have several figures.
var figureColumns = []string{"FIGURE", "VALUE", "OF RUNS", "TARGET", "MET", "BASELINE", "× BASELINE"}

const figuresNote = "BASELINE: the same figure of what the case is compared with, measured in the same run. " +
	"× BASELINE: the median and range of the runs' ratios. MET: judged by the median of the runs, or of their ratios"

// layouts describe the table of each group.
var layouts = []struct {
	group, title, note string
	columns            []string
	cells              func(*Result) []string
}{
	{
		group: Latency, title: "Latency, one way, 64 bytes",
		note: "Half of a round trip, including reading the clock. OF RUNS: the range of the runs' medians; " +
			"the other percentiles are medians of the runs.",
		columns: []string{"P50", "OF RUNS", "P90", "P99", "P99.9", "MAX", "LINE", "FUTEX", "× LINE", "× FUTEX"},
		cells: func(r *Result) []string {
			p := r.Percentiles
			return []string{nanos(r.Value.Median), r.from(r.Value), nanos(p.P90), nanos(p.P99), nanos(p.P999), nanos(p.Max),
				nanos(r.ref(worker.RefLine).Median), nanos(r.ref(worker.RefFutex).Median), r.times(worker.RefLine), r.times(worker.RefFutex)}
		},
	}, {
		group: Throughput, title: "Throughput, messages that one receiver took and checked",
		note: "× LINE: cache-line crossings per message. × RING: messages per record of the minimal ring. " +
			"Peers write each message separately, as Send does; buffering would weaken what a write promises.",
		columns: []string{"MESSAGES", "OF RUNS", "BYTES", "LINE", "RING", "× LINE", "× RING"},
		cells: func(r *Result) []string {
			return []string{rate(r.Value.Median), r.from(r.Value), speed(r.Value.Median * float64(r.Size)),
				nanos(r.ref(worker.RefLine).Median), rate(r.ref(worker.RefRing).Median), r.times(worker.RefLine), r.times(worker.RefRing)}
		},
	}, {
		group: Pipeline, title: "Through commands, lines of 100 bytes, from start to end",
		columns: []string{"LINES", "OF RUNS", "BYTES", "LINE", "RING", "× LINE", "× RING"},
		cells: func(r *Result) []string {
			return []string{rate(r.Value.Median), r.from(r.Value), speed(r.Value.Median * float64(r.Size)),
				nanos(r.ref(worker.RefLine).Median), rate(r.ref(worker.RefRing).Median), r.times(worker.RefLine), r.times(worker.RefRing)}
		},
	}, {
		group: Cost, title: "What an endpoint costs without sending",
		columns: []string{"COST", "OF RUNS", "LINE", "FUTEX", "× LINE", "× FUTEX"},
		cells: func(r *Result) []string {
			return []string{r.figure(r.Value.Median), r.from(r.Value),
				nanos(r.ref(worker.RefLine).Median), nanos(r.ref(worker.RefFutex).Median), r.times(worker.RefLine), r.times(worker.RefFutex)}
		},
	}, {
		group: Waiting, title: "What waiting endpoints get and cost",
		note:    figuresNote + ".",
		columns: figureColumns,
	}, {
		group: Gather, title: "Batches, large messages and commands, compared with a C program",
		note: figuresNote + ": the baseline is measured directly before and after each, by the same processes, " +
			"and its receiver checks the same bytes by the same code.",
		columns: figureColumns,
	},
}

func (rep *Report) tables() []table {
	var all []table
	for _, l := range layouts {
		t := table{title: l.title, note: l.note, columns: append(append([]string{"CASE"}, l.columns...), "WHAT")}
		for i := range rep.Results {
			r := &rep.Results[i]
			group, name, _ := strings.Cut(r.Name, "/")
			switch {
			case group != l.group:
			case len(r.Runs) == 0:
				row := make([]string, len(t.columns))
				row[0], row[len(row)-1] = name, "not measured: "+r.Skipped
				t.rows = append(t.rows, row)
			case len(r.Figures) > 0:
				t.rows = append(t.rows, r.figureRows(name)...)
			default:
				t.rows = append(t.rows, append(append([]string{name}, l.cells(r)...), r.About))
			}
		}
		if len(t.rows) > 0 {
			all = append(all, t)
		}
	}
	return all
}

// WriteText prints the report for a person at a terminal.
func (rep *Report) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s\n%s; %s\n", rep.Machine, day(rep.Date), rep.Settings)
	for _, table := range rep.tables() {
		fmt.Fprintf(t, "\n%s\n", table.title)
		for _, row := range append([][]string{table.columns}, table.rows...) {
			fmt.Fprintln(t, strings.Join(row, "\t"))
		}
		if table.note != "" {
			fmt.Fprintln(t, table.note)
		}
	}
	return t.Flush()
}

// WriteMarkdown prints the report for a page.
func (rep *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s, %s: %s.\n", day(rep.Date), rep.Machine, rep.Settings)
	for _, table := range rep.tables() {
		fmt.Fprintf(&b, "\n### %s\n\n", table.title)
		for i, c := range table.columns {
			table.columns[i] = strings.ToLower(c)
		}
		line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
		line(table.columns)
		fmt.Fprintf(&b, "|---%s---|\n", strings.Repeat("|---:", len(table.columns)-2)+"|")
		for _, row := range table.rows {
			row[0] = "`" + row[0] + "`"
			line(row)
		}
		if table.note != "" {
			fmt.Fprintf(&b, "\n%s\n", strings.NewReplacer("BASELINE", "baseline", "LINE", "line", "RING", "ring", "MET", "met", "OF RUNS", "of runs").Replace(table.note))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
