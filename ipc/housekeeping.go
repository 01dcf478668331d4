package ipc

import (
	"sync"

	"github.com/shmchan/shmchan/shm"
)

// housekeeping frees the slots of dead senders, with no call of the receiver's
// user needed, and remembers who died.
type housekeeping struct {
	mu    sync.Mutex
	seg   *shm.Segment
	beats []uint64 // of each slot, when last looked at
	seen  uint64   // deaths that were counted in the segment by then
	dead  []Death  // not told yet

	// The dead whose locks are still held are told at once, and reaped, by whoever
	// comes first, when their locks are free: told has their generations by slot, and
	// early how many were reaped since and are not in seen yet.
	told  map[int]uint32
	early uint64
}

// maxDeaths is how many deaths are kept for Receiver.Deaths.
const maxDeaths = 64

func (h *housekeeping) init(seg *shm.Segment) {
	h.seg, h.beats, h.seen, h.told = seg, make([]uint64, seg.Ring().Senders()), seg.Deaths(), map[int]uint32{}
}

// senders yields all sender slots.
func (h *housekeeping) senders(yield func(int, shm.End) bool) {
	for i := range len(h.beats) {
		if !yield(i, h.seg.SenderEnd(i)) {
			return
		}
	}
}

// sweep reaps the senders that died. A sender whose beat has changed since the
// last sweep is alive; only of the others, or with all set of every one, the
// kernel is asked. It reports whether a death was found that recovery may have to
// deal with.
func (h *housekeeping) sweep(all bool) (found bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	// Before the slots: a death that is counted from here on is the next sweep's.
	others := h.seg.Deaths() - h.seen
	for i, e := range h.senders {
		if generation, ok := h.told[i]; ok && (!e.Live() || e.Generation() != generation) {
			h.early++ // somebody has taken its slot
			delete(h.told, i)
		}
		if !e.Live() {
			continue
		}
		beats := e.Beats()
		if beats != h.beats[i] && !all {
			h.beats[i] = beats
			continue
		}
		alive, err := h.seg.SenderAlive(i)
		if alive || err != nil {
			continue
		}
		found = h.bury(i) || found
	}
	// Those that a sender in want of a slot has reaped; the count is a peer's word.
	known := min(others, h.early)
	h.seen, h.early = h.seen+others, h.early-known
	for range min(others-known, maxDeaths) {
		h.note(Death{Slot: -1})
	}
	return found
}

// bury reaps a dead sender, or where its lock is still held only tells of it. It
// reports whether there is anything new. Precondition: mu is held.
func (h *housekeeping) bury(slot int) (news bool) {
	_, known := h.told[slot]
	o, reaped, err := h.seg.Reap(slot)
	if err == nil && reaped {
		h.early++
		delete(h.told, slot)
	} else if late, generation, ok := h.seg.Outlived(slot); ok && !known {
		o, h.told[slot] = late, generation
	} else {
		return !known
	}
	if !known {
		h.note(Death{Slot: slot, PID: o.Process.PID, Label: o.Label})
	}
	return true
}

func (h *housekeeping) note(d Death) {
	if len(h.dead) == maxDeaths {
		h.dead = h.dead[1:]
	}
	h.dead = append(h.dead, d)
}

// tick beats, looks at the file, clears up after the dead, and wakes the receiver if
// it sleeps over something: a record or a claim of the dead, or that no sender is
// left.
func (r *Receiver) tick(now int64) {
	r.me.Beat(now)
	r.lookAtFile()
	dead := r.house.sweep(false)
	if r.bell.Announced() && (dead || r.ring.Tail() != r.ring.Head() || r.abandoned()) {
		r.poke()
	}
}

// abandoned reports whether the channel was removed, or no sender is attached where
// there were some, or where none can come any more.
func (r *Receiver) abandoned() bool {
	if r.ring.Closed() {
		return true
	}
	if !r.ends() && !r.nameless.Load() {
		return false
	}
	alive, err := r.seg.AnySenderAlive()
	return !alive && err == nil
}

// ends reports whether the receiver is done once no sender is attached.
func (r *Receiver) ends() bool {
	return !r.set.KeepOpen && (r.hadSenders || r.seg.SendersSince())
}

// Deaths returns the senders that died without Close and were found since the
// last call, at most the newest 64. Safe for concurrent use.
func (r *Receiver) Deaths() []Death {
	r.stats.Lock()
	defer r.stats.Unlock()
	if !r.ended {
		r.house.sweep(true)
	}
	r.house.mu.Lock()
	defer r.house.mu.Unlock()
	dead := r.house.dead
	r.house.dead = nil
	return dead
}
