package ipc

import (
	"github.com/shmchan/shmchan/internal/heartbeat"
	"github.com/shmchan/shmchan/internal/process"
)

// Ticks: what an end does when a beat of its process has found something for it. They
// run one after another in a goroutine of package heartbeat, and must not block.

// begin starts the receiver's beats.
func (r *Receiver) begin() {
	if !reaches() {
		r.bell.MustFence() // behind the attachment, which takes away what the one before asked for
	}
	words := r.seg.Words()
	beats, at := r.me.BeatWords()
	r.peers.every = r.opts.Heartbeat
	r.peers.noticed = func(int) {
		r.alive.forget()
		r.beat.Now()
	}
	r.beat = heartbeat.Add(heartbeat.Words{Beats: beats, At: at, Shared: words.Tail, Line: words.Changes}, r.opts.Heartbeat, "", r.tick)
	r.beat.Changes()
	r.lineBeat = heartbeat.Add(heartbeat.Words{Line: words.Turn}, r.opts.Heartbeat, "", r.tend)
	r.lineBeat.Lingers()
	r.watchFile(r)
}

// tend passes a first in line that does not run, whoever waits: there may be nobody in
// line behind it, but senders that try, or wait for less than a beat.
func (r *Receiver) tend() { r.turnSeen = r.ring.Tend(r.turnSeen, process.Monotonic()) }

// tick is what a beat has found something for: ends that came, went or may be dead, a
// name that is gone, and claims made while the receiver sleeps.
func (r *Receiver) tick() {
	r.peers.refresh(r.seg, r.reaper.senders)
	found, again := r.reaper.sweep(r.peers.suspects)
	if found {
		r.alive.forget()
	}
	if again {
		r.beat.After(1)
	}
	if r.bell.Announced() || r.seg.Broken() {
		r.wakeAll()
	}
	if r.readiness.used.Load() {
		r.readiness.offer()
	}
}

// begin starts the sender's beats, and watches its receiver, so that Done closes as
// soon as a blocked Send would learn of its death.
func (s *Sender) begin() {
	words := s.seg.Words()
	beats, at := s.me.BeatWords()
	s.peers.every = s.opts.Heartbeat
	s.peers.noticed = func(int) {
		s.alive.forget()
		s.beat.Now()
	}
	s.beat = heartbeat.Add(heartbeat.Words{Beats: beats, At: at, Shared: words.Head, Line: words.Turn}, s.opts.Heartbeat, "", s.tick)
	s.arrivals = heartbeat.Add(heartbeat.Words{Line: words.Receivers}, s.opts.Heartbeat, "", s.beat.Now)
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
		s.wakeAll()
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
