package watch

import (
	"strings"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/ipc"
)

// columns are the widths of the columns of the table, 0 if there is no room.
type columns struct{ name, gauge, percent, messages, bytes, spark, senders int }

const (
	mark     = 2  // columns before a line
	gap      = 2  // columns before the sparkline
	mostName = 24 // columns of a name, if there is a sparkline
)

// layout divides w columns. The narrower the screen, the fewer columns it shows.
func layout(w int) columns {
	c := columns{percent: 6, messages: 8} // " !100%"
	if w >= 32 {
		c.gauge = 8
	}
	if w >= 60 {
		c.gauge, c.bytes = 10, 9
	}
	if w >= 72 {
		c.senders = 9
	}
	if w >= 100 {
		c.gauge = 20
	}
	rest := w - mark - 1 - c.gauge - c.percent - c.messages - c.bytes - c.senders
	if c.name = rest; w >= 72 {
		c.name = min(rest*2/5, mostName)
		c.spark = min(rest-c.name-gap, 60)
		c.name = rest - c.spark - gap
	}
	c.name = max(c.name, 4)
	return c
}

// table draws the channels in room lines below a head. If there are more, it draws those
// around the selected one.
func (f *frame) table(shown []Channel, at, w, room int) []string {
	c := layout(w)
	fill := text.Right("FILL", c.percent)
	if c.gauge > 0 {
		fill = text.Left("FILL", c.gauge) + text.Right("", c.percent)
	}
	head := text.Left("", mark) + text.Left("CHANNEL", c.name) + " " + fill + text.Right("MSG/S", c.messages) + text.Right("BYTES/S", c.bytes)
	if c.spark > 0 {
		head += text.Left("", gap) + text.Left("MSG/S, LAST MINUTE", c.spark)
	}
	head = text.Fit(head+text.Right("SENDERS", c.senders), w)
	lines := []string{f.theme.faint(head)}
	if len(shown) == 0 {
		none := "no channels"
		if len(f.all) > 0 {
			none = "no channel matches the filter"
		}
		return append(lines, text.Fit("  "+none, w))
	}
	first := min(max(at-room/2, 0), max(len(shown)-room, 0))
	for i := first; i < min(first+room, len(shown)); i++ {
		lines = append(lines, f.row(&shown[i], c, i == at, w))
	}
	return lines
}

func (f *frame) row(ch *Channel, c columns, chosen bool, w int) string {
	t := f.theme
	pointer, name := "  ", text.Left(text.Printable(ch.Name), c.name)
	if chosen {
		pointer, name = t.strong("▸ "), t.strong(name)
	}
	if ch.Err != nil {
		return pointer + name + " " + t.bad(text.Fit(damage(ch), w-mark-c.name-1))
	}
	part := ch.Fill()
	percent := text.Right(text.Percent(part, 1), c.percent)
	if ch.Block != nil {
		percent = t.bad(text.Right("!"+text.Percent(part, 1), c.percent))
	}
	line := pointer + name + " " + t.fill(part)(Gauge(part, c.gauge)) + percent +
		text.Right(f.rate(ch, text.Count(ch.Rates.Messages)), c.messages) + text.Right(f.rate(ch, text.ShortSize(ch.Rates.Bytes)), c.bytes)
	if c.spark > 0 {
		line += text.Left("", gap) + t.bar(f.spark(ch, messagesOf, c.spark))
	}
	if c.senders > 0 {
		line += f.senders(ch, c.senders)
	}
	return line
}

// damage says why the channel cannot be read, without its path.
func damage(ch *Channel) string {
	return text.Printable(strings.TrimPrefix(ch.Err.Error(), ch.Stats.Path+": "))
}

// rate returns text, or a dash if there is no rate yet.
func (f *frame) rate(ch *Channel, text string) string {
	if !ch.Known {
		return "-"
	}
	return text
}

func messagesOf(r Rates) float64 { return r.Messages }
func bytesOf(r Rates) float64    { return r.Bytes }

func (f *frame) spark(ch *Channel, of func(Rates) float64, n int) string {
	return Sparkline(Buckets(ch.Points, of, f.at, Window, n))
}

// senders returns the number of senders, and marks it if one is not alive.
func (f *frame) senders(ch *Channel, w int) string {
	worst := ipc.StateAlive
	for i := range ch.Stats.Senders {
		worst = max(worst, ch.Stats.Senders[i].State)
	}
	count := text.Count(float64(len(ch.Stats.Senders)))
	switch worst {
	case ipc.StateAlive:
		return text.Right(count, w)
	case ipc.StateStalled:
		return f.theme.warn(text.Right(count+" stall", w))
	}
	return f.theme.bad(text.Right(count+" dead", w))
}
