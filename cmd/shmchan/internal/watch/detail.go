package watch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/ipc"
)

// detail draws one channel in at most room lines: its state, what blocks it, its last
// minute and its endpoints.
func (f *frame) detail(ch *Channel, w, room int) []string {
	t := f.theme
	title := " " + text.Fit(text.Printable(ch.Name), w/2) + " "
	lines := []string{t.faint("──") + t.strong(title) + t.faint(strings.Repeat("─", max(w-2-ansi.StringWidth(title), 0)))}
	if ch.Err != nil {
		return append(lines, t.bad(text.Fit(damage(ch), w)))
	}
	lines = append(lines, text.Fit(about(ch), w))
	switch {
	case ch.Stats.Dead:
		lines = append(lines, t.bad(text.Fit("! dead: its receiver is gone for good", w)))
	case ch.Block != nil:
		lines = append(lines, t.bad(text.Fit("! "+ch.Block.Text, w)))
	default:
		lines = append(lines, t.faint("nothing is blocked"))
	}
	lines = append(lines,
		f.minute(ch, "messages/s", messagesOf, text.Count, w),
		f.minute(ch, "bytes/s", bytesOf, text.ShortSize, w))
	return append(lines, f.endpoints(ch, w, room-len(lines))...)
}

func about(ch *Channel) string {
	s := &ch.Stats
	line := fmt.Sprintf("%s of %s used, %d of %d messages received", text.ShortSize(float64(s.Used)), text.ShortSize(float64(s.Capacity)),
		s.Received, s.Messages)
	if s.Durable {
		line += ", durable"
	}
	if s.Deaths > 0 {
		line += fmt.Sprintf(", %d killed", s.Deaths)
	}
	return line
}

// minute draws a sparkline as wide as the screen, with the current and the highest rate.
func (f *frame) minute(ch *Channel, name string, of func(Rates) float64, words func(float64) string, w int) string {
	most := 0.0
	for _, p := range ch.Points {
		most = max(most, of(p.Rates))
	}
	now := text.Right(f.rate(ch, words(of(ch.Rates))), 8) + text.Right(f.rate(ch, "most "+words(most)), 13)
	n := min(max(w-12-ansi.StringWidth(now), 0), 90)
	return f.theme.faint(text.Left(name, 12)) + f.theme.bar(f.spark(ch, of, n)) + now
}

// endpoints draws the receiver and the senders in at most room lines, those with problems
// first.
func (f *frame) endpoints(ch *Channel, w, room int) []string {
	s := &ch.Stats
	label := ""
	if hasLabel(s) {
		label = "LABEL"
	}
	lines := []string{f.theme.faint(text.Fit(strings.TrimRight(endpointRow("ENDPOINT", "PID", text.Left("STATE", 8), "BEAT", "MSG/S", "BYTES/S", label), " "), w))}
	room--
	if s.Receiver == nil {
		lines = append(lines, text.Fit("receiver      none", w))
	} else {
		lines = append(lines, f.endpoint(ch, "receiver", s.Receiver, ch.Receiver, w))
	}
	room--
	for n, i := range troubleFirst(ch) {
		if left := len(s.Senders) - n; n >= room-1 && left > 1 {
			return append(lines, f.theme.faint(text.Fit(fmt.Sprintf("… and %s more", text.Plural(left, "sender")), w)))
		}
		lines = append(lines, f.endpoint(ch, "sender "+strconv.Itoa(s.Senders[i].Slot), &s.Senders[i], ch.Senders[i], w))
	}
	return lines
}

func hasLabel(s *ipc.Stats) bool {
	return s.Receiver != nil && s.Receiver.Label != "" ||
		slices.ContainsFunc(s.Senders, func(e ipc.End) bool { return e.Label != "" })
}

// endpointRow takes a state of eight columns, as it may be coloured.
func endpointRow(name, pid, state, beat, messages, bytes, label string) string {
	return text.Left(name, 12) + text.Right(pid, 9) + "  " + state + text.Right(beat, 7) + text.Right(messages, 8) + text.Right(bytes, 9) + "  " + label
}

func (f *frame) endpoint(ch *Channel, name string, e *ipc.End, r Rates, w int) string {
	if ch.Block != nil && ch.Block.Slot == e.Slot {
		name += " !"
	}
	row := endpointRow(name, strconv.Itoa(e.PID), "\x00", text.ShortAge(e.BeatAge), f.rate(ch, text.Count(r.Messages)), f.rate(ch, text.ShortSize(r.Bytes)), text.Printable(e.Label))
	before, after, _ := strings.Cut(row, "\x00")
	state := text.Left(e.State.String(), 8)
	if room := w - ansi.StringWidth(before) - 8; room > 0 {
		return before + f.theme.stateStyle(e.State)(state) + text.Fit(strings.TrimRight(after, " "), room)
	}
	return text.Fit(before+state, w)
}
