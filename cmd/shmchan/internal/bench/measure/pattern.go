package measure

import (
	"bytes"
	"encoding/binary"
)

// Messages in place are written and compared in pieces, against a pattern that stays
// in the first-level cache. That is as fast as a program can write and read memory, so
// the channel remains what is measured.
const piece = 4 << 10

var pattern = NewMessage(piece+8*patterns, 0)

// patterns is the number of ways to fill a piece. It is odd, so that a message differs
// in every word from the one at the same place a lap before.
const patterns = 7

func patternOf(first uint64) []byte { return pattern[8*(first%patterns):] }

// Fill writes every byte of a message. Each piece begins with the message's first
// word, which no earlier message at the same place had.
func Fill(msg []byte, first uint64) {
	pattern := patternOf(first)
	for len(msg) > 0 {
		n := min(len(msg), piece)
		binary.LittleEndian.PutUint64(msg, first)
		copy(msg[8:n], pattern[8:])
		msg = msg[n:]
	}
}

// Whole checks every byte of a message that Fill wrote.
func (c *Checker) Whole(msg []byte) error {
	if len(msg) != c.size {
		return c.wrong(msg)
	}
	first := binary.LittleEndian.Uint64(msg)
	pattern := patternOf(first)
	for rest := msg; len(rest) > 0; {
		n := min(len(rest), piece)
		if binary.LittleEndian.Uint64(rest) != first || !bytes.Equal(rest[8:n], pattern[8:n]) {
			return c.wrong(msg)
		}
		rest = rest[n:]
	}
	if !c.turn(first) {
		return c.wrong(msg)
	}
	return nil
}
