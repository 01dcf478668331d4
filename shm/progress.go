package shm

// progress is what receivers have released: the place where the next receiver
// starts, and what was received before it.
type progress struct {
	head    uint64
	skip    uint32 // messages of the batch at head that were received
	counts         // received up to there
	skipped uint64 // claims that their dead owners never committed
}

// Release stores several words, and the receiver may be killed between any two, so
// received alone does not count the messages before head. base does: it is the
// number of messages before one record, with that record's tag, and is stored before
// head moves to that record. The cursor counts the messages taken of a batch. So
//
//	N1  if base is tagged with head, base + the batch's taken messages were received
//	N2  else received is the count: base is of the record to which head was about to move
//
// The table lists the stores of Release, in this order, and what is true after each.
// P is the old head and i the messages taken of its batch; P' and j are the same of
// the new place, and h is what received counted of the batch at P. n(P, i) is the
// number of messages before a place.
//
//	                 base      head  cursor   received
//	before           n(P, 0)   P     (P, i)   n(P, h)    N1: n(P, i); h ≤ i, see below
//	received         n(P, 0)   P     (P, i)   n(P, i)    N1
//	base      head   n(P', 0)  P     (P, i)   n(P, i)    N2: n(P, i), nothing was given back
//	head     moves   n(P', 0)  P'    (P, i)   n(P, i)    N1: n(P', 0); the cursor is not of P'
//	cursor           n(P', 0)  P'    (P', j)  n(P, i)    N1: n(P', j)
//	received         n(P', 0)  P'    (P', j)  n(P', j)   N1
//
// If head stays, in a batch, only the cursor is stored, once per message, and
// received falls behind by what was taken of that batch (i - h). The first store of
// the table brings it up to date before base is of another record, so that N2 holds.
// If i is 0, received is not behind, and the first store is left out.
//
// All this requires N1 to hold at first. Every Release preserves it. A receiver that
// attaches where another was killed stores received and then base, of head, before
// it releases anything (storeCounts): until its store of base the old word counts,
// by N1 or N2, and afterwards the new one. So a message has the same number
// whichever receiver takes it, and however often.
//
// base holds only the low half of the number. received is at most a ringful of
// messages behind, so the rest follows from it. Any other value comes from a peer
// that does not know the word (it was spare) or breaks the rules: then received
// counts.
//
// receivedBytes is not exact, and nothing depends on it: a receiver killed between
// head (or the cursor) and receivedBytes omits the bytes of that one Release.

// baseWord returns base for the record at pos, with that many messages before it.
func baseWord(pos, messages uint64) uint64 {
	return cursorTag(pos)<<32 | messages&0xffffffff
}

// number returns how many messages were received, according to the words as they
// stood at one moment.
func (r *Ring) number(head, base, received uint64, skip uint32) uint64 {
	if base>>32 != cursorTag(head) {
		return received // N2
	}
	behind := uint32(base) + skip - uint32(received)
	if uint64(behind) > r.capacity/recordAlign {
		return received
	}
	return received + uint64(behind) // N1
}

// skippedAhead reports whether the claims from pos, at or above head, to end were
// already skipped and counted: by a receiver that died before it released them, or
// by this one before a Rewind. skippedTo is the end of the last claim counted, with
// the low three bits of the number of claims counted so far; 0 means that none was.
func (r *Ring) skippedAhead(skippedTo, pos, end uint64) bool {
	ahead := skippedTo&^(recordAlign-1) - pos
	return skippedTo != 0 && ahead >= end-pos && ahead <= r.capacity
}

// skips returns how many claims were skipped. A skip stores skippedTo before
// skipped, and head passes it after both, so a receiver killed between the two
// leaves skipped one behind.
func (r *Ring) skips(head, skippedTo, skipped uint64) uint64 {
	if r.skippedAhead(skippedTo, head, head+recordAlign) && (skippedTo-skipped)&(recordAlign-1) == 1 {
		skipped++
	}
	return skipped
}

// progress reads how far receivers have come. A receiver may advance meanwhile, so
// the words are read until none has changed. All of them only grow, except for the
// cursor, which goes back only when head moves, so words that have not changed stood
// there together. The number of tries is bounded: the last one returns approximate
// values, but a receiver's own are always exact.
func (r *Ring) progress() progress {
	ctl := r.ctl
	var p progress
	var base, cursor uint64
	for range peekTries {
		p.head, base, cursor = ctl.head.Load(), ctl.base.Load(), ctl.cursor.Load()
		p.messages, p.bytes = ctl.received.Load(), ctl.receivedBytes.Load()
		if ctl.cursor.Load() == cursor && ctl.base.Load() == base && ctl.head.Load() == p.head {
			break
		}
	}
	if cursor>>32 == cursorTag(p.head) {
		p.skip = uint32(cursor)
	}
	p.messages = r.number(p.head, base, p.messages, p.skip)
	p.skipped = r.skips(p.head, ctl.skippedTo.Load(), ctl.skipped.Load())
	return p
}
