package soak

import (
	"encoding/binary"
	"math/rand/v2"
)

// A message names its sender if it is long enough. All of its bytes are derived from
// sender, number and length.
//
//	| sender u64 | number u64 | noise … |     from 16 bytes
//	| noise … |                               shorter ones
const signed = 16

// fill writes the sender's message of that number over all of b.
func fill(b []byte, sender, number uint64) {
	state := sender*0x9e3779b97f4a7c15 ^ number<<20 ^ uint64(len(b))
	if len(b) >= signed {
		binary.LittleEndian.PutUint64(b, sender)
		binary.LittleEndian.PutUint64(b[8:], number)
		b = b[signed:]
	}
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, noise(&state))
		b = b[8:]
	}
	rest := noise(&state)
	for i := range b {
		b[i] = byte(rest >> (8 * i))
	}
}

// intact reports whether every byte of a signed message is as its sender filled it
// in.
func intact(b []byte) bool {
	sender, number := signature(b)
	state := sender*0x9e3779b97f4a7c15 ^ number<<20 ^ uint64(len(b))
	for b = b[signed:]; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b) != noise(&state) {
			return false
		}
	}
	rest := noise(&state)
	for i := range b {
		if b[i] != byte(rest>>(8*i)) {
			return false
		}
	}
	return true
}

func signature(b []byte) (sender, number uint64) {
	return binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
}

// noise is splitmix64.
func noise(state *uint64) uint64 {
	*state += 0x9e3779b97f4a7c15
	z := *state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// size returns a random message length: mostly short, any up to the largest.
func size(rng *rand.Rand, largest int) int {
	switch n := rng.IntN(100); {
	case n < 6:
		return 0
	case n < 36:
		return rng.IntN(2 * signed)
	case n < 80:
		return rng.IntN(400)
	case n < 95:
		return rng.IntN(largest / 8)
	case n < 98:
		return rng.IntN(largest + 1)
	}
	return largest
}
