package shm

// Pending reports whether Next would return a message, or an error but ErrEmpty. It
// takes no message; what is nothing to receive, padding and a batch of which all was
// taken, it passes as Next does. It never blocks.
func (c *Consumer) Pending() bool {
	r := c.ring
	for range 1 + r.capacity/RecordHeader {
		if c.at.end != 0 {
			return true
		}
		pos := c.at.pos
		if r.word(pos).Load() != r.stampAt(pos) {
			return false
		}
		m := meta(r.word(pos + 8).Load()) // read once: a peer may change it
		size, ok := r.extent(pos, m)
		switch {
		case ok && m.kind() == kindPad:
			c.pass(pos + size)
		case ok && m.kind() == kindBatch && c.skip > 0 && pos == c.from:
			c.at = cursor{pos: pos, end: m.length(), slot: uint16(m.slot())}
			c.records++
			if c.resumeBatch() != nil {
				return true
			}
		default:
			return true
		}
	}
	return false
}
