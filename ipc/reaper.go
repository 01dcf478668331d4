package ipc

import (
	"slices"
	"sync"

	"github.com/shmchan/shmchan/shm"
)

// reaper frees the slots of dead senders, without any call by the receiver's user,
// and remembers them.
type reaper struct {
	mu      sync.Mutex
	seg     *shm.Segment
	seen    uint64  // deaths in the segment's counter at the last sweep
	pending []int   // slots of the dead that could not be reaped yet; guarded by mu
	dead    []Death // not returned by Deaths yet

	// A dead sender whose lock is still held is noted at once, and reaped when its
	// lock is free, by whichever process gets to it first. reported holds the
	// generations of these senders by slot, and uncounted how many were reaped since
	// and are not in seen yet.
	reported  map[int]uint32
	uncounted uint64
}

// maxDeaths is the number of deaths that are kept for Receiver.Deaths.
const maxDeaths = 64

func (v *reaper) init(seg *shm.Segment) {
	v.seg, v.seen, v.reported = seg, seg.Deaths(), map[int]uint32{}
}

// senders yields all sender slots.
func (v *reaper) senders(yield func(int, shm.Endpoint) bool) {
	for i := range v.seg.Ring().Senders() {
		if !yield(i, v.seg.SenderEndpoint(i)) {
			return
		}
	}
}

// sweep asks the kernel about the senders in slots, and in the slots that earlier
// sweeps could not free, and reaps those that are dead. found reports a death that
// recovery may have to handle, and again a slot that must be checked again.
func (v *reaper) sweep(slots func(yield func(int) bool)) (found, again bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	// Read before the slots: a death counted after this belongs to the next sweep.
	others := v.seg.Deaths() - v.seen
	pending := v.pending
	v.pending = nil
	for slot := range v.reported {
		pending = append(pending, slot)
	}
	for i := range slots {
		if !slices.Contains(pending, i) {
			pending = append(pending, i)
		}
	}
	for _, i := range pending {
		e := v.seg.SenderEndpoint(i)
		if generation, ok := v.reported[i]; ok && (!e.Live() || e.Generation() != generation) {
			v.uncounted++ // reaped by another process: the slot is free or taken
			delete(v.reported, i)
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
			v.pending = append(v.pending, i)
		}
	}
	// Other processes counted the rest: senders that needed a slot reaped them. The
	// number is bounded because peers can write the counter.
	known := min(others, v.uncounted)
	v.seen, v.uncounted = v.seen+others, v.uncounted-known
	for range min(others-known, maxDeaths) {
		v.note(Death{Slot: -1})
	}
	return found, len(v.pending) > 0
}

// all yields all sender slots.
func (v *reaper) all(yield func(int) bool) {
	for i := range v.seg.Ring().Senders() {
		if !yield(i) {
			return
		}
	}
}

// reap reaps a dead sender, or only notes its death if its lock is still held. It
// reports whether either was new. Precondition: mu is held.
func (v *reaper) reap(slot int) (isNew bool) {
	_, known := v.reported[slot]
	o, reaped, err := v.seg.Reap(slot)
	if err == nil && reaped {
		v.uncounted++
		delete(v.reported, slot)
	} else if owner, generation, ok := v.seg.Outlived(slot); ok && !known {
		o, v.reported[slot] = owner, generation
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

// Deaths returns the senders that died without Close and were found since the last
// call, at most the latest 64. It is safe for concurrent use.
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
