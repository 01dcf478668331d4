package shm

// progress is what receivers have given back: the place where the next one goes on,
// and what was received before it.
type progress struct {
	head    uint64
	skip    uint32 // messages of the batch at head that were received
	counts         // received up to there
	skipped uint64 // claims that their dead owners never committed
}

// A Release stores several words, and its receiver may be killed between any two, so
// `received` alone does not tell how many messages lie before head. The word that
// does is base: the number of messages before one record, with that record's tag. It
// is stored before head moves to that record, and the messages of a batch that were
// taken are in the cursor. So
//
//	N1  if base is tagged with head, base + the batch's taken messages were received
//	N2  else `received` were: base is of the record to which head was about to move
//
// The stores of Release, in this order, and what is true after each. P is the old
// head and i the messages taken of its batch, P' and j the same of the new place;
// n(P, i) is the number of messages before a place.
//
//	                 base      head  cursor   received
//	before           n(P, 0)   P     (P, i)   n(P, h)    N1: n(P, i); h ≤ i, see below
//	received         n(P, 0)   P     (P, i)   n(P, i)    N1
//	base      head   n(P', 0)  P     (P, i)   n(P, i)    N2: n(P, i), nothing was given back
//	head     moves   n(P', 0)  P'    (P, i)   n(P, i)    N1: n(P', 0); the cursor is not of P'
//	cursor           n(P', 0)  P'    (P', j)  n(P, i)    N1: n(P', j)
//	received         n(P', 0)  P'    (P', j)  n(P', j)   N1
//
// Where head stays, in a batch, only the cursor is stored, once a message, and
// `received` stays behind by what is taken of that batch (i - h). The first store
// brings it up, before base is of another record, and so N2 is right. Where i is 0
// nothing is behind, and the first store is left out.
//
// All this needs N1 to begin with. A receiver's own Release leaves it so; one that
// attaches where another was killed stores `received` and then base, of head, before
// it releases anything (storeCounts): up to its store of base the word that was there
// counts, by N1 or N2, and after it the new one.
// So a message has the same number whoever receives it, and however often.
//
// base has the low half of the number only. `received` is never more than a ringful
// of messages behind, so the rest follows from it; anything else is of a peer that
// does not know the word (it was spare), or knows no rules: then `received` counts.
//
// Not exact is receivedBytes, which nothing depends on: a receiver killed between
// head, or cursor, and receivedBytes leaves the bytes of that one Release out.

// baseWord is base for the record at pos, with so many messages before it.
func baseWord(pos, messages uint64) uint64 {
	return cursorTag(pos)<<32 | messages&0xffffffff
}

// number returns how many messages were received, by the words as they stood at one
// moment.
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

// skippedAhead reports whether the claims from pos, at or above head, up to end were
// skipped and counted already: by a receiver that died before it had given them back,
// or by this one before a Rewind. skippedTo is the end of the last claim that was
// counted, with the low three bits of the number of claims up to there; 0: none was.
func (r *Ring) skippedAhead(skippedTo, pos, end uint64) bool {
	ahead := skippedTo&^(recordAlign-1) - pos
	return skippedTo != 0 && ahead >= end-pos && ahead <= r.capacity
}

// skips returns how many claims were skipped. skippedTo is stored before skipped, and
// head passes it after both; a receiver killed between the two leaves skipped one
// behind.
func (r *Ring) skips(head, skippedTo, skipped uint64) uint64 {
	if r.skippedAhead(skippedTo, head, head+recordAlign) && (skippedTo-skipped)&(recordAlign-1) == 1 {
		skipped++
	}
	return skipped
}

// progress reads how far receivers have come. A receiver may go on meanwhile, so the
// words are read until they stay: all of them grow but the cursor, which changes back
// only where head moves on, so in between they stood there together. The tries are
// bounded; what is read then is about right, and a receiver's own is always exact.
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
