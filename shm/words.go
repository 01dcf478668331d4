package shm

import "sync/atomic"

// Words are shared words that an endpoint watches while it sleeps. They are valid
// until the segment is closed.
type Words struct {
	Head, Tail, Turn *atomic.Uint64
	Changes          *atomic.Uint64 // attachments, detachments and reapings
	Receivers        *atomic.Uint64 // receivers that ever attached
}

// Words returns the segment's Words.
func (s *Segment) Words() Words {
	ctl := s.ring.ctl
	return Words{&ctl.head, &ctl.tail, &ctl.turn, &ctl.changes, &ctl.receivers}
}

// BeatWords returns the words that each heartbeat of the owner stores: the count of
// beats, and the monotonic clock. They are valid until the segment is closed.
func (e Endpoint) BeatWords() (beats *atomic.Uint64, at *atomic.Int64) {
	return &e.slot.beat, &e.slot.beatAt
}
