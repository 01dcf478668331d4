package shm

// extent returns how many bytes the committed record at pos takes, by its second
// word. It is false for one that can't be: see misfit.
func (r *Ring) extent(pos uint64, m meta) (size uint64, ok bool) {
	n := m.length()
	size = r.recordSize(n)
	return size, size <= r.capacity && pos&r.mask+size <= uint64(len(r.data)) && (n <= r.capacity/2 || m.kind() == kindPad)
}

// misfit tells why the record at pos, whose second word is m, can't be one.
// Precondition: extent is false, or its kind is unknown.
func (r *Ring) misfit(pos uint64, m meta) error {
	size, _ := r.extent(pos, m)
	n := m.length()
	switch {
	case size > r.capacity || pos&r.mask+size > uint64(len(r.data)):
		return r.corrupt(pos+8, "record.length", n, "the record would be larger than the ring")
	case n > r.capacity/2 && m.kind() != kindPad:
		return r.corrupt(pos+8, "record.length", n, "a message has at most %d bytes", r.capacity/2)
	}
	return r.corrupt(pos+14, "record.kind", uint64(m.kind()), "known are kinds 1 to 3, without flags")
}
