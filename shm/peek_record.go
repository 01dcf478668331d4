package shm

import (
	"encoding/binary"
	"errors"
)

// errInFlight: the next record is not committed, and its sender lives.
var errInFlight = errors.New("claim in flight")

// record copies the record at the walk's position. Padding has no payload.
func (p *Peeker) record() (m meta, payload []byte, err error) {
	r, pos := p.ring, p.at
	stamp := r.stampAt(pos)
	if r.word(pos).Load() != stamp { // P1
		return 0, nil, errInFlight
	}
	m = meta(r.word(pos + 8).Load()) // P2
	n := m.length()
	if r.recordSize(n) > r.capacity {
		return m, nil, r.corrupt(pos+8, "record.length", n, "the record would be larger than the ring")
	}
	switch m.kind() {
	case kindPad:
		return m, nil, nil
	case kindData, kindBatch:
	default:
		return m, nil, r.corrupt(pos+14, "record.kind", uint64(m.kind()), "known are kinds 1 to 3, without flags")
	}
	if n > r.capacity/2 {
		return m, nil, r.corrupt(pos+8, "record.length", n, "a message has at most %d bytes", r.capacity/2)
	}
	payload = r.copyOut(pos+RecordHeader, n)
	if r.word(pos).Load() != stamp { // P4; P3 is the caller's, after any outcome
		return m, nil, r.corrupt(pos, "record.stamp", r.word(pos).Load(), "it was %#x just now", stamp)
	}
	return m, payload, nil
}

// copyOut copies n bytes at pos, a multiple of 8, by atomic loads.
func (r *Ring) copyOut(pos, n uint64) []byte {
	dst := make([]byte, n)
	i := uint64(0)
	for ; i+8 <= n; i += 8 {
		binary.NativeEndian.PutUint64(dst[i:], r.word(pos+i).Load())
	}
	if i < n {
		var last [8]byte
		binary.NativeEndian.PutUint64(last[:], r.word(pos+i).Load())
		copy(dst[i:], last[:])
	}
	return dst
}

// lost is Recover for somebody who changes nothing: it returns the size of the
// claim in flight at the walk's position if its sender is dead, by the same steps.
func (p *Peeker) lost() (size uint64, err error) {
	r, h := p.ring, p.at
	missing := func(pos uint64) bool { return r.word(pos).Load() != r.stampAt(pos) }
	t := r.ctl.tail.Load() // R1
	if n := int64(t - h); n <= 0 || n > int64(r.capacity) || t&(recordAlign-1) != 0 {
		return 0, r.corruptControl(tailOffset, "tail", t, "a record is expected at %#x in a ring of %d", h, r.capacity)
	}
	b := t
	var candidates []int
	for i := range r.slots[1:] { // R2
		at, ok := r.slots[1+i].claiming()
		switch {
		case !ok || at&(recordAlign-1) != 0:
		case at == h:
			candidates = append(candidates, i)
		case at-h < b-h:
			b = at
		}
	}
	if !missing(h) { // R3
		return 0, errInFlight // by now it is there: for the next walk
	}
	if len(candidates) == 0 {
		return 0, r.corrupt(h, "record.stamp", r.word(h).Load(), "claimed up to %#x, but by no sender: want %#x", t, r.stampAt(h))
	}
	for _, i := range candidates { // R4
		if !p.dead(i) {
			return 0, errInFlight
		}
	}
	if !missing(h) { // R5
		return 0, errInFlight
	}
	for pos := h + r.align; pos-h < b-h; pos += r.align { // R6
		if !missing(pos) {
			b = pos
		}
	}
	return b - h, nil // R7
}
