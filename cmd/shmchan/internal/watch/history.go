// Package watch shows channels over time. History turns samples into Channels with rates,
// frame draws them, and Run shows them on a terminal.
package watch

import (
	"slices"
	"time"

	"github.com/shmchan/shmchan/ipc"
)

// Window is the time that the Points of a Channel cover.
const Window = time.Minute

// Rates are counts a second.
type Rates struct{ Messages, Bytes, Received float64 }

// Point holds the rates between two samples.
type Point struct {
	From, To time.Time
	Rates
}

// Channel is one channel in a sample.
type Channel struct {
	ipc.Entry
	Known    bool    // there was a previous sample, so the rates are valid
	Rates    Rates   // since the previous sample
	Receiver Rates   // of the receiver, if there is one
	Senders  []Rates // of Stats.Senders
	Points   []Point // of the last minute, oldest first; read-only
	Block    *Block  // nil if nothing is blocked
}

// Fill returns the part of the ring that is in use, from 0 to 1.
func (c *Channel) Fill() float64 {
	if c.Stats.Capacity <= 0 {
		return 0
	}
	return min(max(float64(c.Stats.Used)/float64(c.Stats.Capacity), 0), 1)
}

// History computes rates from successive samples. It is not safe for concurrent use.
type History struct {
	tracks map[string]*track // by path
	gone   []string
}

type track struct {
	name   string
	at     time.Time
	last   ipc.Stats
	points []Point
}

// Add adds a sample of all channels. The rates of a channel that was created again since
// the previous sample start again.
func (h *History) Add(at time.Time, entries []ipc.Entry) []Channel {
	now := make(map[string]*track, len(entries))
	all := make([]Channel, len(entries))
	for i := range entries {
		all[i] = Channel{Entry: entries[i]}
		if entries[i].Err != nil {
			continue
		}
		s := &entries[i].Stats
		t := h.tracks[s.Path]
		if t == nil || !t.last.Created.Equal(s.Created) {
			t = &track{name: s.Name}
		}
		now[s.Path] = t
		t.add(at, &all[i])
	}
	h.gone = h.gone[:0]
	for path, t := range h.tracks {
		if now[path] == nil {
			h.gone = append(h.gone, t.name)
		}
	}
	slices.Sort(h.gone)
	h.tracks = now
	return all
}

// Gone returns the names of the channels that disappeared with the last sample, sorted. The
// slice is valid until the next Add.
func (h *History) Gone() []string { return h.gone }

func (t *track) add(at time.Time, c *Channel) {
	s := &c.Stats
	c.Senders = make([]Rates, len(s.Senders))
	span := at.Sub(t.at)
	if c.Known = !t.at.IsZero() && span > 0; c.Known {
		c.Rates = between(&t.last, s, span)
		if s.Receiver != nil {
			c.Receiver = endpointRates(t.last.Receiver, s.Receiver, span)
		}
		for i := range s.Senders {
			c.Senders[i] = endpointRates(senderIn(&t.last, s.Senders[i].Slot), &s.Senders[i], span)
		}
		t.points = append(t.points, Point{From: t.at, To: at, Rates: c.Rates})
		for len(t.points) > 0 && at.Sub(t.points[0].To) >= Window {
			t.points = t.points[1:]
		}
		c.Block = blockOf(&t.last, s)
	} else {
		c.Block = blockOf(nil, s)
	}
	c.Points = t.points
	t.at, t.last = at, *s
}

func senderIn(s *ipc.Stats, slot int) *ipc.End {
	for i := range s.Senders {
		if s.Senders[i].Slot == slot {
			return &s.Senders[i]
		}
	}
	return nil
}

// perSecond returns the rate of a counter that went from a to b. Counters only grow; if one
// shrank, another process has tampered with it, and its rate is 0.
func perSecond(a, b uint64, span time.Duration) float64 {
	if b <= a || span <= 0 {
		return 0
	}
	return float64(b-a) / span.Seconds()
}

// between returns the rates of a channel between two samples.
func between(a, b *ipc.Stats, span time.Duration) Rates {
	return Rates{
		Messages: perSecond(a.Messages, b.Messages, span),
		Bytes:    perSecond(a.Bytes, b.Bytes, span),
		Received: perSecond(a.Received, b.Received, span),
	}
}

// endpointRates returns the rates of an endpoint. If its slot has a new owner, all that the
// owner did happened since the previous sample.
func endpointRates(a, b *ipc.End, span time.Duration) Rates {
	if a == nil || a.PID != b.PID || a.Messages > b.Messages {
		a = &ipc.End{}
	}
	return Rates{
		Messages: perSecond(a.Messages, b.Messages, span),
		Bytes:    perSecond(a.Bytes, b.Bytes, span),
	}
}
