// Package measure holds what every case is measured with, whatever carries its
// messages: messages that a receiver can check, counts and times, histograms of round
// trips, and the processor time and the wakes of processes.
package measure

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// The first word of a message holds its sender and its number, the others a value
// that depends on their position alone; bytes beyond the last whole word are zero.

// RecordBytes is the size of a small message: a cache line, and a record of the
// minimal ring.
const RecordBytes = 64

// mostOfRing is the largest record of the minimal ring. Messages up to that size are
// compared byte for byte.
const mostOfRing = 256

// SenderShift is the position of the sender in the first word.
const SenderShift = 56

// golden is an odd number whose multiples are unlikely to occur by chance.
const golden = 0x9e3779b97f4a7c15

// Filling returns what word i of a message holds, for i from 1 on.
func Filling(i int) uint64 { return uint64(i) * golden }

// NewMessage returns message 0 of sender who.
func NewMessage(size, who int) []byte {
	msg := make([]byte, size)
	for i := range size / 8 {
		binary.LittleEndian.PutUint64(msg[8*i:], Filling(i))
	}
	Number(msg, who, 0)
	return msg
}

// Number sets the sender and the number of a message.
func Number(msg []byte, who int, n uint64) {
	binary.LittleEndian.PutUint64(msg, uint64(who)<<SenderShift|n)
}

// W1 to W7 are the words of a 64-byte message after the first, as constants so that
// checks compare with immediate values.
const (
	W1 = golden * (iota + 1) & (1<<64 - 1)
	W2
	W3
	W4
	W5
	W6
	W7
)

// Checker checks that messages arrive whole, and those of each sender in order and
// without a gap.
type Checker struct {
	size int
	next [256]uint64 // the first word that is due, by sender
	rest []byte      // all but the first word
}

// NewChecker returns a checker of messages of that size.
func NewChecker(size int) *Checker {
	c := &Checker{size: size}
	if size > 8 {
		c.rest = NewMessage(size, 0)[8:]
	}
	for who := range c.next {
		c.next[who] = uint64(who) << SenderShift
	}
	return c
}

// turn reports whether a first word is the next one of its sender.
func (c *Checker) turn(word uint64) bool {
	next := &c.next[word>>SenderShift]
	if word != *next {
		return false
	}
	*next++
	return true
}

// Small checks every byte of a message of RecordBytes bytes.
func (c *Checker) Small(msg []byte) error {
	if len(msg) != RecordBytes {
		return c.wrong(msg)
	}
	le := binary.LittleEndian
	bad := (le.Uint64(msg[8:]) ^ W1) | (le.Uint64(msg[16:]) ^ W2) | (le.Uint64(msg[24:]) ^ W3) | (le.Uint64(msg[32:]) ^ W4) |
		(le.Uint64(msg[40:]) ^ W5) | (le.Uint64(msg[48:]) ^ W6) | (le.Uint64(msg[56:]) ^ W7)
	if bad != 0 || !c.turn(le.Uint64(msg)) {
		return c.wrong(msg)
	}
	return nil
}

// Every checks every byte of a message of at least 8 bytes.
func (c *Checker) Every(msg []byte) error {
	if len(msg) != c.size || !bytes.Equal(msg[8:], c.rest) || !c.turn(binary.LittleEndian.Uint64(msg)) {
		return c.wrong(msg)
	}
	return nil
}

// Edges checks a message's length, its first word and its last.
func (c *Checker) Edges(msg []byte) error {
	if len(msg) != c.size || c.size >= 16 && binary.LittleEndian.Uint64(msg[c.size&^7-8:]) != Filling(c.size/8-1) ||
		!c.turn(binary.LittleEndian.Uint64(msg)) {
		return c.wrong(msg)
	}
	return nil
}

// wrong returns the error about a damaged message.
func (c *Checker) wrong(msg []byte) error {
	return fmt.Errorf("a message arrived other than it was sent: %d bytes, %x…", len(msg), msg[:min(len(msg), 16)])
}

// How returns the check for a channel's messages. It compares every byte of messages
// that are small or were written in place, and otherwise the edges: the bytes between
// were moved in any case.
func (c *Checker) How(s worker.Spec) func([]byte) error {
	switch {
	case s.InPlace:
		return c.Whole
	case s.Size == RecordBytes:
		return c.Small
	case s.Size <= mostOfRing && s.Take == "":
		return c.Every
	}
	return c.Edges
}
