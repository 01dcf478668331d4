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

// noteFor is the time for which a note is shown.
const noteFor = 10 * time.Second

// screen is the state of the program on a terminal.
type screen struct {
	frame   // what is shown
	options Options
	history History
	newest  []Channel // of the last sample; shown unless paused
	newAt   time.Time
	noted   time.Time
	begun   time.Time
	samples uint64
	w, h    int
	err     error // why it ended; nil if the user quit
}

// sample is the message that the source returned a sample.
type sample struct {
	frame Sample
	err   error
}

// due is the message that it is time for a sample.
type due struct{}

func (s *screen) Init() tea.Cmd { return s.look }

// look takes a sample, concurrently with the loop that handles keys.
func (s *screen) look() tea.Msg {
	got, err := s.options.Source()
	return sample{got, err}
}

func (s *screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		s.w, s.h = msg.Width, msg.Height
	case tea.KeyPressMsg:
		return s, s.key(msg)
	case tea.PasteMsg:
		if s.typing {
			s.filter += msg.Content
		}
	case due:
		return s, s.look
	case sample:
		return s, s.take(msg)
	}
	return s, nil
}

func (s *screen) take(got sample) tea.Cmd {
	if got.err != nil {
		s.err = got.err
		return tea.Quit
	}
	now := got.frame.At
	if s.samples == 0 {
		s.begun = now
	}
	s.samples++
	s.newest, s.newAt = s.history.Add(now, got.frame.Entries), now
	if gone := s.history.Gone(); len(gone) > 0 {
		s.noted = now
		if s.note = text.Printable(gone[0]) + " is gone"; len(gone) > 1 {
			s.note = text.Plural(len(gone), "channel") + " are gone"
		}
	} else if now.Sub(s.noted) > noteFor {
		s.note = ""
	}
	if !s.paused {
		s.show()
	}
	if s.options.Ticks > 0 && s.samples >= s.options.Ticks {
		return tea.Quit
	}
	return tea.Tick(Until(s.begun, time.Now(), s.interval), func(time.Time) tea.Msg { return due{} })
}

// show shows the last sample.
func (s *screen) show() { s.all, s.at = s.newest, s.newAt }

func (s *screen) View() tea.View {
	v := tea.NewView("")
	if s.samples > 0 && s.w > 0 {
		v.Content = s.draw(s.w, s.h)
	}
	v.AltScreen = true
	return v
}

// Until returns the time from now to the next multiple of interval after begun. Delays do
// not accumulate, and missed ticks are skipped.
func Until(begun, now time.Time, interval time.Duration) time.Duration {
	past := now.Sub(begun)
	if past < 0 {
		return interval
	}
	return interval - past%interval
}
