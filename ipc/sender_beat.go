package ipc

import (
	"errors"

	"github.com/shmchan/shmchan/internal/heartbeat"
	"github.com/shmchan/shmchan/internal/process"
)

// begin starts the sender's beats, and watches its receiver, so that Done closes as
// soon as a blocked Send would learn of its death.
func (s *Sender) begin() {
	words := s.seg.Words()
	beats, at := s.me.BeatWords()
	s.peers.noticed = func(int) {
		s.alive.forget()
		s.beat.Now()
	}
	s.beat = heartbeat.Add(heartbeat.Words{Beats: beats, At: at, Shared: words.Head, Line: words.Turn}, s.set.Heartbeat, "", s.tick)
	s.arrivals = heartbeat.Add(heartbeat.Words{Line: words.Receivers}, s.set.Heartbeat, "", s.beat.Now)
	s.arrivals.Changes()
	s.peers.refresh(s.seg, s.receiver)
	s.watchFile(s)
}

// nowAndThen is how many beats a sender sleeps at most without being looked after. What
// matters soon, the beats find by themselves; this is for a sender that was passed by
// one that died before it could say so, while the line goes on.
const nowAndThen = 16

// tick is what a beat has found something for: a receiver that came or may have gone,
// a line that stands, a position that was reached.
func (s *Sender) tick() {
	s.peers.refresh(s.seg, s.receiver)
	for range s.peers.suspects {
		s.alive.forget()
	}
	if finished, err := s.finished(); err == nil && (finished || s.unreachable()) {
		s.ring.Close()
		s.setDone()
	}
	if s.sleepers.Load() == 0 {
		return
	}
	s.turnSeen = s.ring.Tend(s.turnSeen, process.Monotonic())
	if s.turnSeen != 0 {
		s.beat.After(1)
	} else {
		s.beat.After(nowAndThen)
	}
	if s.seg.Broken() || s.ring.Closed() || s.waiter.Overslept() {
		s.poke()
	}
}

// unreachable reports whether no receiver is attached, nor can come any more, since
// the file has no name: see lookAtFile.
func (s *Sender) unreachable() bool {
	if !s.unlinked.Load() {
		return false
	}
	alive, err := s.seg.ReceiverAlive()
	return err == nil && !alive
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
	if s.tx.Open() {
		s.tx.Abort()
		s.tx.Ring()
	}
	s.aborted = s.open
	s.claimOver()
	s.last = counts(s.name, s.seg)
	s.poke()
	for s.sleepers.Load() > 0 {
		s.awake.Wait() // without mu: Stats, and calls of a claim's holder, may come in between
	}
	s.arrivals.Remove()
	s.quiet()
	s.setDone()
	err := s.seg.DetachSender(s.slot)
	if s.aborted != nil { // its holder may still write there
		s.lingers = linger(s, s.seg)
		return errors.Join(err, s.seg.CloseFile())
	}
	return errors.Join(err, s.seg.Close())
}
