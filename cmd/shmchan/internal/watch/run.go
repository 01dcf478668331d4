package watch

import (
	"context"
	"errors"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/ipc"
)

// ErrInterrupted is returned by Run if the user typed ^C.
var ErrInterrupted = errors.New("interrupted")

// Sample is a set of channels at one time.
type Sample struct {
	At      time.Time
	Entries []ipc.Entry
}

// Options of Run.
type Options struct {
	Title    string
	Interval time.Duration          // between samples
	Ticks    uint64                 // number of samples; 0: no limit
	Source   func() (Sample, error) // takes a sample; its error ends Run
	Screen   io.Writer              // the terminal
	NoColour bool
}

// Run shows channels on a terminal until the user quits, ctx ends, the ticks are over, or
// the source fails. It returns the error of the source or of the terminal, or
// ErrInterrupted, and restores the terminal. It reads keys from stdin, or from the
// terminal itself if stdin is not a terminal.
func Run(ctx context.Context, o Options) error {
	s := &screen{options: o, frame: frame{title: text.Printable(o.Title), interval: o.Interval, theme: coloured()}}
	if o.NoColour {
		s.theme = monochrome()
	}
	p := tea.NewProgram(s, tea.WithOutput(o.Screen), tea.WithoutSignalHandler())
	defer context.AfterFunc(ctx, p.Quit)()
	if _, err := p.Run(); err != nil {
		return err
	}
	return s.err
}
