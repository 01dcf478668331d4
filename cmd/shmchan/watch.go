package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/watch"
	"github.com/shmchan/shmchan/ipc"
)

// shortestInterval keeps watch from loading the machine.
const shortestInterval = 10 * time.Millisecond

// errWatchedGone reports that all watched channels are gone, which was printed already.
var errWatchedGone = errors.New("gone")

// watcher is `shmchan watch [NAME…]`.
type watcher struct {
	*app
	asJSON   bool
	interval time.Duration
	ticks    uint64
	source   func() (watch.Sample, error)

	names []string // of watched channels that exist; empty: all channels
	begun bool     // a sample was taken
}

func newWatch(a *app) *cobra.Command {
	v := &watcher{app: a, interval: time.Second}
	v.source = v.sample
	cmd := &cobra.Command{
		Use:   "watch [NAME…]",
		Short: "Show channels over time: fill, rates, endpoints and what blocks them",
		Long: `Show the named channels, or all channels, over time: how full they are, messages
and bytes a second, the last minute as a sparkline, the endpoints with their states,
and what blocks them. On a terminal, watch redraws the screen and reads keys:
  s     sort by name, fill, messages/s, bytes/s
  /     filter by name; Enter keeps the filter, Esc clears it
  p     pause and resume
  ↑ ↓   select the channel whose endpoints are shown
  q     quit
Elsewhere, it prints a line for each channel at every tick. Rates are those since
the previous tick. When all named channels are gone, watch exits.`,
		Example: `  shmchan watch
  shmchan watch --json --interval 10s jobs | jq '{time, used, messages_per_s}'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.verb = cmd.Name()
			if len(args) == 1 {
				a.name = args[0]
			}
			v.names = slices.Compact(slices.Sorted(slices.Values(args)))
			return v.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	jsonFlag(flags, &v.asJSON)
	flags.Var(&value[time.Duration]{&v.interval, "DUR", parseInterval, "1s"}, "interval", "time between ticks")
	flags.VarP(&value[uint64]{&v.ticks, "N", parseTicks, ""}, "count", "n", "exit after N ticks")
	return cmd
}

func parseInterval(s string) (time.Duration, error) {
	d, err := anyDuration(s)
	if err == nil && d < shortestInterval {
		err = fmt.Errorf("invalid interval %q: want at least %v", s, shortestInterval)
	}
	return d, err
}

func parseTicks(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("invalid number of ticks %q: want at least 1", s)
	}
	return n, nil
}

func (v *watcher) run(ctx context.Context) error {
	err := v.watch(ctx)
	if errors.Is(err, errWatchedGone) {
		return nil
	}
	return err
}

func (v *watcher) watch(ctx context.Context) error {
	first, err := v.source() // before the screen changes
	if err != nil {
		return err
	}
	screen, ok := v.stdout.(*os.File)
	if v.asJSON || !ok || !term.IsTerminal(int(screen.Fd())) || os.Getenv("TERM") == "dumb" {
		return v.graceful(ctx, func(ctx context.Context) error { return v.lines(ctx, first) })
	}
	// Diagnostics would spoil the screen, so they are printed at the end.
	var told lateWriter
	stderr := v.diagnostics()
	v.divert(&told)
	defer func() {
		v.divert(stderr)
		_, _ = stderr.Write(told.Bytes())
	}()
	return v.graceful(ctx, func(ctx context.Context) error {
		err := watch.Run(ctx, watch.Options{
			Title: v.title(), Interval: v.interval, Ticks: v.ticks, Source: v.source, Screen: screen,
			NoColour: os.Getenv("NO_COLOR") != "", // to any value; the library expects a boolean
		})
		if errors.Is(err, watch.ErrInterrupted) { // in raw mode the terminal sends no SIGINT
			return &signalError{signal: syscall.SIGINT}
		}
		return err
	})
}

// title returns the heading of the screen.
func (v *watcher) title() string {
	switch dir, err := ipc.Dir(v.options()); {
	case len(v.names) == 1:
		return "shmchan " + v.names[0]
	case err == nil && len(v.names) == 0:
		return "shmchan " + dir
	}
	return "shmchan"
}

// sample inspects all watched channels. A named channel must exist at first; if it is gone
// later, sample says so.
func (v *watcher) sample() (watch.Sample, error) {
	s := watch.Sample{At: time.Now()}
	if len(v.names) == 0 {
		var err error
		s.Entries, err = ipc.List(v.options())
		return s, err
	}
	var left []string
	for _, name := range v.names {
		stats, err := ipc.Inspect(name, v.options())
		switch {
		case err == nil:
			left = append(left, name)
			s.Entries = append(s.Entries, ipc.Entry{Name: name, Stats: stats})
		case !errors.Is(err, fs.ErrNotExist):
			return s, err
		case !v.begun:
			if v.name == "" {
				return s, &aboutError{name, v.missing(err, name)}
			}
			return s, v.missing(err, name)
		default:
			v.sayOf(name, "the channel is gone")
		}
	}
	if len(left) == 0 {
		return s, errWatchedGone
	}
	v.names, v.begun = left, true
	return s, nil
}

// lateWriter stores what is written to it. It is safe for concurrent use.
type lateWriter struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *lateWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(b)
}

// Bytes returns a copy of what was written.
func (w *lateWriter) Bytes() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Clone(w.buf.Bytes())
}
