package ipc

import (
	"errors"

	"github.com/shmchan/shmchan/internal/heartbeat"
	"github.com/shmchan/shmchan/internal/process"
)

// begin starts the sender's beats, and watches its receiver, so that Done closes as
// soon as a blocked Send would learn of its death.
func (s *Sender) begin() error {
	words := s.seg.Words()
	beats, at := s.me.BeatWords()
	s.peers.noticed = func(int) {
		s.alive.forget()
		s.beat.Now()
	}
	var err error
	s.beat, err = heartbeat.Add(heartbeat.Words{Beats: beats, At: at, Shared: words.Head, Line: words.Turn}, s.set.Heartbeat, -1, s.tick)
	if err != nil {
		return err
	}
	s.arrivals, err = heartbeat.Add(heartbeat.Words{Line: words.Receivers}, s.set.Heartbeat, -1, s.beat.Now)
	if err != nil {
		s.beat.Remove()
		return err
	}
	s.arrivals.Changes()
	s.peers.refresh(s.seg, s.receiver)
	return nil
}

// detach is for a Sender that could not begin.
func (s *Sender) detach() error { return errors.Join(s.seg.DetachSender(s.slot), s.seg.Close()) }

// tick is what a beat has found something for: a receiver that came or may have gone,
// a line that stands, a position that was reached.
func (s *Sender) tick() {
	s.peers.refresh(s.seg, s.receiver)
	for range s.peers.suspects {
		s.alive.forget()
	}
	if finished, err := s.finished(); err == nil && finished {
		s.ring.Close()
		s.setDone()
	}
	if s.sleepers.Load() == 0 {
		return
	}
	s.turnSeen = s.ring.Tend(s.turnSeen, process.Monotonic())
	if s.turnSeen != 0 {
		s.beat.After(1)
	}
	s.poke()
}

// Close detaches the sender; its slot is free at once. An open claim is aborted,
// every blocked call of this Sender gives ErrClosed, and so does every later one.
// What was sent stays to be received. Idempotent.
func (s *Sender) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return nil
	}
	s.closed.Store(true)
	s.bar()
	for _, p := range s.queue[min(1, len(s.queue)):] { // the first sleeps on the ring
		select {
		case p.first <- struct{}{}:
		default:
		}
	}
	lingers := s.tx.Open()
	if lingers {
		s.tx.Abort()
		s.tx.Ring()
	}
	claim := s.open
	s.claimOver()
	s.poke()
	for s.sleepers.Load() > 0 {
		s.awake.Wait()
	}
	s.arrivals.Remove()
	s.quiet()
	s.setDone()
	s.last = counts(s.name, s.seg)
	err := s.seg.DetachSender(s.slot)
	if lingers && !claim.told { // its holder may still write there: unmapped when it learns of the end
		claim.linger(s.seg)
		return errors.Join(err, s.seg.CloseFile())
	}
	return errors.Join(err, s.seg.Close())
}
