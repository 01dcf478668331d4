package ipc

import (
	"github.com/shmchan/shmchan/internal/heartbeat"
	"github.com/shmchan/shmchan/internal/process"
)

// Ticks: what an endpoint does when a beat of its process has found something for
// it. They run one after another in a goroutine of package heartbeat, and must not
// block.

// begin starts the receiver's beats.
func (r *Receiver) begin() {
	if !reaches() {
		r.bell.MustFence() // after attaching, which clears the request of the previous receiver
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

// tend passes the first sender in line if it does not run, even if no other is in
// line: other senders may only try, or wait for less than a beat.
func (r *Receiver) tend() { r.turnSeen = r.ring.Tend(r.turnSeen, process.Monotonic()) }

// tick handles what a beat has found: endpoints that have come or gone or may be
// dead, a lost name, and claims made while the receiver sleeps.
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

// begin starts the sender's beats, and watches its receiver, so that Done is closed
// as soon as a blocked Send would learn of the receiver's death.
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

// checkEvery is the maximum number of beats that a sender sleeps unchecked. The
// beats find urgent changes by themselves; this is for a sender that was passed by
// another, which died before waking it, while the line advances.
const checkEvery = 16

// tick handles what a beat has found: a receiver that has come or may have gone, a
// line that does not advance, a position that was reached.
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
		s.beat.After(checkEvery)
	}
	if s.seg.Broken() || s.ring.Closed() || s.waiter.Overslept() {
		s.wakeAll()
	}
}

// unreachable reports whether no receiver is attached and none can attach, since the
// file has no name: see lookAtFile.
func (s *Sender) unreachable() bool {
	if !s.unlinked.Load() {
		return false
	}
	alive, err := s.seg.ReceiverAlive()
	return err == nil && !alive
}
