package ipc

import (
	"slices"
	"sync"

	"github.com/shmchan/shmchan/shm"
)

// reaper frees the slots of dead senders, with no call of the receiver's
// user needed, and remembers who died.
type reaper struct {
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

func (v *reaper) init(seg *shm.Segment) {
	v.seg, v.seen, v.told = seg, seg.Deaths(), map[int]uint32{}
}

// senders yields all sender slots.
func (v *reaper) senders(yield func(int, shm.Endpoint) bool) {
	for i := range v.seg.Ring().Senders() {
		if !yield(i, v.seg.SenderEndpoint(i)) {
			return
		}
	}
}

// sweep asks the kernel about the senders in those slots, and reaps those that died,
// and of those that recovery still needed at the last sweep. It reports whether it
// found a death that recovery may have to deal with, and whether one must be looked
// at again.
func (v *reaper) sweep(slots func(yield func(int) bool)) (found, again bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	// Before the slots: a death that is counted from here on is the next sweep's.
	others := v.seg.Deaths() - v.seen
	late := v.late
	v.late = nil
	for slot := range v.told {
		late = append(late, slot)
	}
	for i := range slots {
		if !slices.Contains(late, i) {
			late = append(late, i)
		}
	}
	for _, i := range late {
		e := v.seg.SenderEndpoint(i)
		if generation, ok := v.told[i]; ok && (!e.Live() || e.Generation() != generation) {
			v.early++ // somebody has taken its slot
			delete(v.told, i)
		}
		if !e.Live() {
			continue
		}
		alive, err := v.seg.SenderAlive(i)
		if alive || err != nil {
			continue
		}
		found = v.reap(i) || found
		if e.Live() {
			v.late = append(v.late, i)
		}
	}
	// Those that a sender in want of a slot has reaped; the count is a peer's word.
	known := min(others, v.early)
	v.seen, v.early = v.seen+others, v.early-known
	for range min(others-known, maxDeaths) {
		v.note(Death{Slot: -1})
	}
	return found, len(v.late) > 0
}

// all yields all sender slots.
func (v *reaper) all(yield func(int) bool) {
	for i := range v.seg.Ring().Senders() {
		if !yield(i) {
			return
		}
	}
}

// reap reaps a dead sender, or where its lock is still held only tells of it. It
// reports whether there is anything new. Precondition: mu is held.
func (v *reaper) reap(slot int) (news bool) {
	_, known := v.told[slot]
	o, reaped, err := v.seg.Reap(slot)
	if err == nil && reaped {
		v.early++
		delete(v.told, slot)
	} else if late, generation, ok := v.seg.Outlived(slot); ok && !known {
		o, v.told[slot] = late, generation
	} else {
		return !known
	}
	if !known {
		v.note(Death{Slot: slot, PID: o.Process.PID, Label: o.Label})
	}
	return true
}

func (v *reaper) note(d Death) {
	if len(v.dead) == maxDeaths {
		v.dead = v.dead[1:]
	}
	v.dead = append(v.dead, d)
}

// Deaths returns the senders that died without Close and were found since the
// last call, at most the newest 64. Safe for concurrent use.
func (r *Receiver) Deaths() []Death {
	r.stats.Lock()
	defer r.stats.Unlock()
	if !r.ended {
		r.reaper.sweep(r.reaper.all)
	}
	r.reaper.mu.Lock()
	defer r.reaper.mu.Unlock()
	dead := r.reaper.dead
	r.reaper.dead = nil
	return dead
}
