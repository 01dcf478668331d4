package ipc

import (
	"slices"
	"sync"

	"github.com/shmchan/shmchan/shm"
)

// housekeeping frees the slots of dead senders, with no call of the receiver's
// user needed, and remembers who died.
type housekeeping struct {
	mu   sync.Mutex
	seg  *shm.Segment
	seen uint64  // deaths that were counted in the segment by then
	late []int   // slots of the dead that could not be reaped yet; guarded by mu
	dead []Death // not told yet

	// The dead whose locks are still held are told at once, and reaped, by whoever
	// comes first, when their locks are free: told has their generations by slot, and
	// early how many were reaped since and are not in seen yet.
	told  map[int]uint32
	early uint64
}

// maxDeaths is how many deaths are kept for Receiver.Deaths.
const maxDeaths = 64

func (h *housekeeping) init(seg *shm.Segment) {
	h.seg, h.seen, h.told = seg, seg.Deaths(), map[int]uint32{}
}

// senders yields all sender slots.
func (h *housekeeping) senders(yield func(int, shm.Endpoint) bool) {
	for i := range h.seg.Ring().Senders() {
		if !yield(i, h.seg.SenderEndpoint(i)) {
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
	// Before the slots: a death that is counted from here on is the next sweep's.
	others := h.seg.Deaths() - h.seen
	late := h.late
	h.late = nil
	for slot := range h.told {
		late = append(late, slot)
	}
	for i := range slots {
		if !slices.Contains(late, i) {
			late = append(late, i)
		}
	}
	for _, i := range late {
		e := h.seg.SenderEndpoint(i)
		if generation, ok := h.told[i]; ok && (!e.Live() || e.Generation() != generation) {
			h.early++ // somebody has taken its slot
			delete(h.told, i)
		}
		if !e.Live() {
			continue
		}
		alive, err := h.seg.SenderAlive(i)
		if alive || err != nil {
			continue
		}
		found = h.bury(i) || found
		if e.Live() {
			h.late = append(h.late, i)
		}
	}
	// Those that a sender in want of a slot has reaped; the count is a peer's word.
	known := min(others, h.early)
	h.seen, h.early = h.seen+others, h.early-known
	for range min(others-known, maxDeaths) {
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
