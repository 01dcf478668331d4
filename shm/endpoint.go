package shm

import "time"

// Endpoint is a view of one endpoint's slot, through which its owner also beats. The
// words are the owner's claims; only the kernel knows whether it is alive
// (Segment.SenderAlive).
type Endpoint struct {
	ring *Ring
	slot *slot
	recv bool
}

// SenderEndpoint returns the Endpoint of sender slot i.
func (s *Segment) SenderEndpoint(i int) Endpoint { return Endpoint{s.ring, &s.ring.slots[1+i], false} }

// ReceiverEndpoint returns the Endpoint of the receiver's slot.
func (s *Segment) ReceiverEndpoint() Endpoint { return Endpoint{s.ring, &s.ring.slots[0], true} }

// Live reports whether an endpoint has attached here and not detached.
func (e Endpoint) Live() bool { return e.slot.state.Load() == slotLive }

// Owner returns the last owner of the slot.
func (e Endpoint) Owner() Owner { return e.slot.owner() }

// Generation returns how many owners the slot has had.
func (e Endpoint) Generation() uint32 { return e.slot.gen.Load() }

// Beat records a heartbeat of the owner, at now on the monotonic clock.
func (e Endpoint) Beat(now int64) {
	e.slot.beatAt.Store(now)
	e.slot.beat.Add(1)
}

// Beats returns how often the owner has beaten. An observer checks whether it
// changes.
func (e Endpoint) Beats() uint64 { return e.slot.beat.Load() }

// LastBeat returns when the owner last beat, on its monotonic clock, and the
// interval between its beats.
func (e Endpoint) LastBeat() (at int64, interval time.Duration) {
	return e.slot.beatAt.Load(), time.Duration(e.slot.interval.Load())
}

// Counts returns how many messages the owner has sent or received, and their bytes.
func (e Endpoint) Counts() (messages, bytes uint64) {
	if e.recv {
		p := e.ring.progress()
		return p.messages - e.slot.since.Load(), p.bytes - e.slot.prevFrom.Load()
	}
	return e.slot.messages.Load(), e.slot.bytes.Load()
}

// Claiming returns the position of the claim that the sender has in flight, or had
// when it died: its intent, if no record is committed there.
func (e Endpoint) Claiming() (pos uint64, ok bool) {
	pos, ok = e.slot.claiming()
	h, t := e.ring.Head(), e.ring.Tail()
	if !ok || int64(pos-h) < 0 || int64(pos-t) >= 0 || pos&(recordAlign-1) != 0 {
		return 0, false
	}
	if e.ring.committed(pos) {
		return 0, false
	}
	return pos, true
}

// Counters holds what a channel has counted since it was made.
type Counters struct {
	Sent, SentBytes         uint64 // by all senders, including those that have gone
	Received, ReceivedBytes uint64
	Deaths                  uint64 // senders that died without detaching, and were reaped
	Skipped                 uint64 // claims that their dead owners never committed
}

// Deaths returns how many senders died without detaching and were reaped.
func (s *Segment) Deaths() uint64 { return s.ring.ctl.deaths.Load() }

// Counters reads the counters, one after another.
func (s *Segment) Counters() Counters {
	ctl, p := s.ring.ctl, s.ring.progress()
	c := Counters{
		Sent: ctl.gone.Load(), SentBytes: ctl.goneBytes.Load(),
		Received: p.messages, ReceivedBytes: p.bytes,
		Deaths: ctl.deaths.Load(), Skipped: p.skipped,
	}
	for i := range s.ring.slots[1:] {
		m, b := s.SenderEndpoint(i).Counts()
		c.Sent, c.SentBytes = c.Sent+m, c.SentBytes+b
	}
	return c
}
