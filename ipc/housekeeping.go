package ipc

import (
	"slices"
	"sync"

	"github.com/shmchan/shmchan/internal/heartbeat"
	"github.com/shmchan/shmchan/shm"
)

// housekeeping frees the slots of dead senders, with no call of the receiver's
// user needed, and remembers who died.
type housekeeping struct {
	mu   sync.Mutex
	seg  *shm.Segment
	seen uint64  // deaths that were counted in the segment by the last sweep
	late []int   // slots of the dead that recovery still needs; guarded by mu
	dead []Death // not told yet
}

// maxDeaths is how many deaths are kept for Receiver.Deaths.
const maxDeaths = 64

func (h *housekeeping) init(seg *shm.Segment) {
	h.seg, h.seen = seg, seg.Deaths()
}

// senders yields all sender slots.
func (h *housekeeping) senders(yield func(int, shm.End) bool) {
	for i := range h.seg.Ring().Senders() {
		if !yield(i, h.seg.SenderEnd(i)) {
			return
		}
	}
}

// sweep asks the kernel about the senders in those slots, and reaps those that died,
// and of those that recovery still needed at the last sweep. It reports whether it
// found a death that recovery may have to deal with, and whether one must be looked
// at again.
func (h *housekeeping) sweep(slots func(yield func(int) bool)) (found, again bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	late := h.late
	h.late = nil
	for i := range slots {
		if !slices.Contains(late, i) {
			late = append(late, i)
		}
	}
	for _, i := range late {
		if !h.seg.SenderEnd(i).Live() {
			continue
		}
		alive, err := h.seg.SenderAlive(i)
		if alive || err != nil {
			continue
		}
		found = true
		if o, reaped, err := h.seg.Reap(i); err == nil && reaped {
			h.seen++
			h.note(Death{Slot: i, PID: o.Process.PID, Label: o.Label})
		} else if err == nil {
			h.late = append(h.late, i)
		}
	}
	// Those that a sender in want of a slot has reaped; the count is a peer's word.
	others := min(h.seg.Deaths()-h.seen, maxDeaths)
	h.seen = h.seg.Deaths()
	for range others {
		h.note(Death{Slot: -1})
	}
	return found, len(h.late) > 0
}

// all yields all sender slots.
func (h *housekeeping) all(yield func(int) bool) {
	for i := range h.seg.Ring().Senders() {
		if !yield(i) {
			return
		}
	}
}

func (h *housekeeping) note(d Death) {
	if len(h.dead) == maxDeaths {
		h.dead = h.dead[1:]
	}
	h.dead = append(h.dead, d)
}

// begin starts the receiver's beats.
func (r *Receiver) begin() (err error) {
	words := r.seg.Words()
	beats, at := r.me.BeatWords()
	r.peers.noticed = func(int) {
		r.alive.forget()
		r.beat.Now()
	}
	r.beat, err = heartbeat.Add(heartbeat.Words{Beats: beats, At: at, Shared: words.Tail, Line: words.Changes}, r.set.Heartbeat, -1, r.tick)
	if err != nil {
		return err
	}
	r.beat.Changes()
	return nil
}

// tick is what a beat has found something for: ends that came, went or may be dead,
// and claims made while the receiver sleeps.
func (r *Receiver) tick() {
	r.peers.refresh(r.seg, r.house.senders)
	found, again := r.house.sweep(r.peers.suspects)
	if found {
		r.alive.forget()
	}
	if again {
		r.beat.After(1)
	}
	if r.bell.Announced() {
		r.poke()
	}
}

// abandoned reports whether there were senders and none is left, or the channel
// was removed.
func (r *Receiver) abandoned() bool {
	if r.ring.Closed() {
		return true
	}
	if r.set.KeepOpen || !r.hadSenders && !r.seg.SendersSince() {
		return false
	}
	key := r.alive.now(r.seg)
	if r.alive.still(key) {
		return false
	}
	alive, err := r.seg.AnySenderAlive()
	if alive && err == nil {
		r.alive.found(key)
	}
	return !alive && err == nil
}

// Deaths returns the senders that died without Close and were found since the
// last call, at most the newest 64. Safe for concurrent use.
func (r *Receiver) Deaths() []Death {
	r.stats.Lock()
	defer r.stats.Unlock()
	if !r.ended {
		r.house.sweep(r.house.all)
	}
	r.house.mu.Lock()
	defer r.house.mu.Unlock()
	dead := r.house.dead
	r.house.dead = nil
	return dead
}
