package bench

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// A message carries in its first word who sent it and its number, and in the
// others what that word position always holds; bytes beyond the last whole word
// are zero.

var errTorn = errors.New("a record of the ring arrived other than it was sent")

const senderShift = 56

// golden is an odd number whose multiples look like nothing else.
const golden = 0x9e3779b97f4a7c15

// filling is what word i of a message holds, from 1 on.
func filling(i int) uint64 { return uint64(i) * golden }

// newMessage is a message of sender who, whole but for its number.
func newMessage(size, who int) []byte {
	msg := make([]byte, size)
	for i := range size / 8 {
		binary.LittleEndian.PutUint64(msg[8*i:], filling(i))
	}
	number(msg, who, 0)
	return msg
}

func number(msg []byte, who int, n uint64) {
	binary.LittleEndian.PutUint64(msg, uint64(who)<<senderShift|n)
}

// The words of a 64-byte message but for its number, as constants of the check.
const (
	w1 = golden * (iota + 1) & (1<<64 - 1)
	w2
	w3
	w4
	w5
	w6
	w7
)

// checker checks that messages are whole, and of each sender in order and
// without a gap.
type checker struct {
	size int
	next [256]uint64 // the first word that is due, by sender
	rest []byte      // all but the first word
}

func newChecker(size int) *checker {
	c := &checker{size: size}
	if size > 8 {
		c.rest = newMessage(size, 0)[8:]
	}
	for who := range c.next {
		c.next[who] = uint64(who) << senderShift
	}
	return c
}

// turn checks a message's first word.
func (c *checker) turn(word uint64) bool {
	next := &c.next[word>>senderShift]
	if word != *next {
		return false
	}
	*next++
	return true
}

// small checks every byte of a message of 64 bytes.
func (c *checker) small(msg []byte) error {
	if len(msg) != recordBytes {
		return c.wrong(msg)
	}
	le := binary.LittleEndian
	bad := (le.Uint64(msg[8:]) ^ w1) | (le.Uint64(msg[16:]) ^ w2) | (le.Uint64(msg[24:]) ^ w3) | (le.Uint64(msg[32:]) ^ w4) |
		(le.Uint64(msg[40:]) ^ w5) | (le.Uint64(msg[48:]) ^ w6) | (le.Uint64(msg[56:]) ^ w7)
	if bad != 0 || !c.turn(le.Uint64(msg)) {
		return c.wrong(msg)
	}
	return nil
}

// every checks every byte of a message of any size from 8 bytes on.
func (c *checker) every(msg []byte) error {
	if len(msg) != c.size || !bytes.Equal(msg[8:], c.rest) || !c.turn(binary.LittleEndian.Uint64(msg)) {
		return c.wrong(msg)
	}
	return nil
}

// edges checks a message's length, its first word and its last.
func (c *checker) edges(msg []byte) error {
	if len(msg) != c.size || c.size >= 16 && binary.LittleEndian.Uint64(msg[c.size&^7-8:]) != filling(c.size/8-1) ||
		!c.turn(binary.LittleEndian.Uint64(msg)) {
		return c.wrong(msg)
	}
	return nil
}

func (c *checker) wrong(msg []byte) error {
	return fmt.Errorf("a message arrived other than it was sent: %d bytes, %x…", len(msg), msg[:min(len(msg), 16)])
}
