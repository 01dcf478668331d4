package watch

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/ipc"
)

// frame is everything that a screen shows.
type frame struct {
	title    string
	at       time.Time // of the sample
	interval time.Duration
	all      []Channel
	order    order
	filter   string
	typing   bool // the filter is being typed
	paused   bool
	cursor   string // path of the selected channel
	note     string
	theme    *theme
}

// Sizes of the parts of a frame, in lines.
const (
	around     = 3  // heading, head of the table, keys
	ofDetail   = 6  // the detail without its senders
	wantDetail = 14 // the lowest screen that has a detail
	wideDetail = 36 // its least width, in columns
)

// draw returns the screen: at most h lines, none wider than w.
func (f *frame) draw(w, h int) string {
	if w < 20 || h < 4 {
		return text.Fit("too small", w)
	}
	shown := selected(f.all, f.filter, f.order)
	at := f.chosen(shown)
	room := h - around
	detail := h >= wantDetail && w >= wideDetail && len(shown) > 0
	if detail {
		room = min(max(len(shown), 1), max((room-ofDetail)/2, 2))
	}
	lines := append([]string{f.heading(w, len(shown))}, f.table(shown, at, w, room)...)
	if detail {
		lines = append(lines, f.detail(&shown[at], w, h-len(lines)-1)...)
	}
	for len(lines) < h-1 {
		lines = append(lines, "")
	}
	lines = append(lines[:h-1], f.footer(w))
	return strings.Join(lines, "\n")
}

// chosen returns the index of the selected channel, or 0 if it is gone.
func (f *frame) chosen(shown []Channel) int {
	for i := range shown {
		if shown[i].Stats.Path == f.cursor {
			return i
		}
	}
	return 0
}

func (f *frame) heading(w, shown int) string {
	count := text.Plural(len(f.all), "channel")
	if shown != len(f.all) {
		count = fmt.Sprintf("%d of %s", shown, count)
	}
	right := count + "  every " + f.interval.String() + "  " + f.at.Format(time.TimeOnly)
	if f.paused {
		right = "PAUSED  " + right
	}
	room := w - ansi.StringWidth(right) - 2
	if room < 8 {
		right = f.at.Format(time.TimeOnly)
		if f.paused {
			right = "PAUSED " + right
		}
		room = w - ansi.StringWidth(right) - 2
	}
	head := f.theme.faint
	if f.paused {
		head = f.theme.warn
	}
	return f.theme.strong(text.Left(text.Fit(f.title, room), room+2)) + head(right)
}

// keys are shown in this order, as far as there is room.
var keys = []string{"q quit", "s sort", "/ filter", "p pause", "↑↓ select"}

const typingKeys = "  Enter keeps, Esc clears"

func (f *frame) footer(w int) string {
	if f.typing {
		typed := text.Fit("filter: "+text.Printable(f.filter)+"▏", max(w-len(typingKeys), w/2))
		return f.theme.strong(typed) + f.theme.faint(text.Fit(typingKeys, w-ansi.StringWidth(typed)))
	}
	state := "by " + f.order.String()
	if f.filter != "" {
		state += ", filter " + strconv.Quote(f.filter)
	}
	if f.note != "" {
		state = f.note
	}
	help := ""
	for _, k := range keys {
		if ansi.StringWidth(help)+ansi.StringWidth(k)+ansi.StringWidth(state)+4 <= w {
			help += k + "  "
		}
	}
	room := max(w-ansi.StringWidth(help), 0)
	return f.theme.faint(help) + text.Right(state, room)
}

// stateStyle returns the style for the state of an endpoint.
func (t *theme) stateStyle(s ipc.State) func(string) string {
	switch s {
	case ipc.StateAlive:
		return t.good
	case ipc.StateStalled:
		return t.warn
	}
	return t.bad
}
