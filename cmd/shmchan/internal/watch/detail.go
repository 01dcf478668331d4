package watch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/shmchan/shmchan/ipc"
)

// detail draws one channel in room lines: what it is, who holds the others up, its
// last minute, its ends.
func (f *frame) detail(ch *Channel, w, room int) []string {
	t := f.theme
	title := " " + fit(plain(ch.Name), w/2) + " "
	lines := []string{t.faint("──") + t.strong(title) + t.faint(strings.Repeat("─", max(w-2-ansi.StringWidth(title), 0)))}
	if ch.Err != nil {
		return append(lines, t.bad(fit(damage(ch), w)))
	}
	lines = append(lines, fit(about(ch), w))
	switch {
	case ch.Stats.Dead:
		lines = append(lines, t.bad(fit("! dead: its receiver is gone for good", w)))
	case ch.Block != nil:
		lines = append(lines, t.bad(fit("! "+ch.Block.Text, w)))
	default:
		lines = append(lines, t.faint("nothing is blocked"))
	}
	lines = append(lines,
		f.minute(ch, "messages/s", messagesOf, Count, w),
		f.minute(ch, "bytes/s", bytesOf, Size, w))
	return append(lines, f.ends(ch, w, room-len(lines))...)
}

func about(ch *Channel) string {
	s := &ch.Stats
	text := fmt.Sprintf("%s of %s used, %d of %d messages received", Size(float64(s.Used)), Size(float64(s.Capacity)),
		s.Received, s.Messages)
	if s.Durable {
		text += ", durable"
	}
	if s.Deaths > 0 {
		text += fmt.Sprintf(", %d killed", s.Deaths)
	}
	return text
}

// minute is a sparkline over the width, with the rate as it is and at its most.
func (f *frame) minute(ch *Channel, name string, of func(Rates) float64, words func(float64) string, w int) string {
	most := 0.0
	for _, p := range ch.Points {
		most = max(most, of(p.Rates))
	}
	text := right(f.rate(ch, words(of(ch.Rates))), 8) + right(f.rate(ch, "most "+words(most)), 13)
	n := min(max(w-12-ansi.StringWidth(text), 0), 90)
	return f.theme.faint(left(name, 12)) + f.theme.bar(f.spark(ch, of, n)) + text
}

// ends are the receiver and the senders, those with trouble first, in room lines.
func (f *frame) ends(ch *Channel, w, room int) []string {
	s := &ch.Stats
	label := ""
	if hasLabel(s) {
		label = "LABEL"
	}
	lines := []string{f.theme.faint(fit(strings.TrimRight(endRow("ENDPOINT", "PID", left("STATE", 8), "BEAT", "MSG/S", "BYTES/S", label), " "), w))}
	room--
	if s.Receiver == nil {
		lines = append(lines, fit("receiver      none", w))
	} else {
		lines = append(lines, f.end(ch, "receiver", s.Receiver, ch.Receiver, w))
	}
	room--
	for n, i := range troubleFirst(ch) {
		if left := len(s.Senders) - n; n >= room-1 && left > 1 {
			return append(lines, f.theme.faint(fit(fmt.Sprintf("… and %s more", plural(left, "sender")), w)))
		}
		lines = append(lines, f.end(ch, "sender "+strconv.Itoa(s.Senders[i].Slot), &s.Senders[i], ch.Senders[i], w))
	}
	return lines
}

func hasLabel(s *ipc.Stats) bool {
	return s.Receiver != nil && s.Receiver.Label != "" ||
		slices.ContainsFunc(s.Senders, func(e ipc.End) bool { return e.Label != "" })
}

// endRow has the state in eight columns already, for it may be coloured.
func endRow(end, pid, state, beat, messages, bytes, label string) string {
	return left(end, 12) + right(pid, 9) + "  " + state + right(beat, 7) + right(messages, 8) + right(bytes, 9) + "  " + label
}

func (f *frame) end(ch *Channel, name string, e *ipc.End, r Rates, w int) string {
	if ch.Block != nil && ch.Block.Slot == e.Slot {
		name += " !"
	}
	row := endRow(name, strconv.Itoa(e.PID), "\x00", age(e.BeatAge), f.rate(ch, Count(r.Messages)), f.rate(ch, Size(r.Bytes)), plain(e.Label))
	before, after, _ := strings.Cut(row, "\x00")
	state := left(e.State.String(), 8)
	if room := w - ansi.StringWidth(before) - 8; room > 0 {
		return before + f.theme.stateStyle(e.State)(state) + fit(strings.TrimRight(after, " "), room)
	}
	return fit(before+state, w)
}
