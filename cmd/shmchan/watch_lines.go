package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/watch"
)

// watchView is the JSON of a channel at a tick: that of stat with rates, which are null at
// the first tick. The names are a contract.
type watchView struct {
	Time time.Time `json:"time"`
	channelView
	Receiver    *watchEndpointView  `json:"receiver"`
	Senders     []watchEndpointView `json:"senders"`
	MessageRate *float64            `json:"messages_per_s"`
	ByteRate    *float64            `json:"bytes_per_s"`
	ReceiveRate *float64            `json:"received_per_s"` // messages
	Blocking    *string             `json:"blocking"`       // what blocks the endpoints, in words; null if nothing does
}

// watchEndpointView is the JSON of an endpoint at a tick.
type watchEndpointView struct {
	endpointView
	MessageRate *float64 `json:"messages_per_s"`
	ByteRate    *float64 `json:"bytes_per_s"`
}

// watchDamagedView is the JSON of a file that could not be read as a channel at a tick.
type watchDamagedView struct {
	Time time.Time `json:"time"`
	damagedView
}

// lines prints a line for each channel at every tick. A signal takes effect after the
// current line, which may be longer than a pipe accepts at once.
func (v *watcher) lines(ctx context.Context, s watch.Sample) error {
	var history watch.History
	tick := time.NewTimer(0)
	defer tick.Stop()
	begun := s.At
	if !v.asJSON {
		if _, err := io.WriteString(v.stdout, watchHead); err != nil {
			return written(err)
		}
	}
	for n := uint64(1); ; n++ {
		for _, c := range history.Add(s.At, s.Entries) {
			if err := v.line(s.At, &c); err != nil {
				return written(err)
			}
		}
		for _, name := range history.Gone() {
			if len(v.names) == 0 {
				v.sayOf(name, "the channel is gone")
			}
		}
		if v.ticks > 0 && n >= v.ticks {
			return nil
		}
		tick.Reset(watch.Until(begun, time.Now(), v.interval))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		var err error
		if s, err = v.source(); err != nil {
			return err
		}
	}
}

// line prints one channel in a single write.
func (v *watcher) line(at time.Time, c *watch.Channel) error {
	switch {
	case !v.asJSON:
		_, err := io.WriteString(v.stdout, watchLine(at, c))
		return err
	case c.Err != nil:
		return printJSON(v.stdout, watchDamagedView{at.UTC(), damagedView{c.Name, c.Stats.Path, text.OneLine(c.Err)}})
	}
	return printJSON(v.stdout, watchViewOf(at, c))
}

const watchRow = "%-8s %-20s %5s %8s %8s %8s %8s %8s  %s\n"

var watchHead = fmt.Sprintf(watchRow, "TIME", "NAME", "FILL", "MSG/S", "BYTES/S", "RECV/S", "SENDERS", "RECEIVER", "NOTE")

func watchLine(at time.Time, c *watch.Channel) string {
	clock := at.Format(time.TimeOnly)
	if c.Err != nil {
		return fmt.Sprintf(watchRow, clock, text.Printable(c.Name), "-", "-", "-", "-", "-", "-", text.Printable(text.OneLine(c.Err)))
	}
	messages, bytes, received := "-", "-", "-"
	if c.Known {
		messages, bytes, received = text.Count(c.Rates.Messages), text.ShortSize(c.Rates.Bytes), text.Count(c.Rates.Received)
	}
	note := noteOf(&c.Stats)
	if c.Block != nil {
		note = strings.TrimPrefix(note+"; ", "-; ") + c.Block.Text
	}
	return fmt.Sprintf(watchRow, clock, text.Printable(c.Name), text.Percent(c.Stats.Used, c.Stats.Capacity), messages, bytes, received,
		fmt.Sprint(len(c.Stats.Senders)), receiverOf(&c.Stats), note)
}

func watchViewOf(at time.Time, c *watch.Channel) watchView {
	rate := func(r float64) *float64 {
		if !c.Known {
			return nil
		}
		return &r
	}
	v := watchView{
		Time: at.UTC(), channelView: viewOf(&c.Stats), Senders: make([]watchEndpointView, len(c.Senders)),
		MessageRate: rate(c.Rates.Messages), ByteRate: rate(c.Rates.Bytes), ReceiveRate: rate(c.Rates.Received),
	}
	if c.Stats.Receiver != nil {
		v.Receiver = &watchEndpointView{*v.channelView.Receiver, rate(c.Receiver.Messages), rate(c.Receiver.Bytes)}
	}
	for i := range v.Senders {
		v.Senders[i] = watchEndpointView{v.channelView.Senders[i], rate(c.Senders[i].Messages), rate(c.Senders[i].Bytes)}
	}
	if c.Block != nil {
		v.Blocking = &c.Block.Text
	}
	return v
}
