package shm

import (
	"encoding/binary"
	"math/bits"
)

// A record is one claim of a sender:
//
//	| stamp u64 | length u32 | slot u16 | kind u8 | flags u8 | payload … pad |
//
// The stamp is the ring's nonce plus the record's position, so it is valid at that
// position only, once a lap. It is stored last, so a record with a valid stamp is
// committed. Every reader decodes records with the functions in this file, in this
// order: committed, metaAt once, extent, then the kind. Consumer.Next and the Peeker
// reject every kind that they do not name; a faster reader leaves them to Next.

// Kinds of record.
const (
	kindData  = 1
	kindBatch = 2 // messages, each behind a header of its own
	kindPad   = 3 // nothing to receive
)

// stampAt returns the stamp of a committed record at pos.
func (r *Ring) stampAt(pos uint64) uint64 { return r.stampBase + pos }

// committed reports whether the record at pos has its stamp.
func (r *Ring) committed(pos uint64) bool { return r.word(pos).Load() == r.stampAt(pos) }

// metaAt reads the second word of the record at pos. A peer may change the word at
// any time, so it is read once, and every decision is based on the copy.
func (r *Ring) metaAt(pos uint64) meta { return meta(r.word(pos + 8).Load()) }

// meta is a record's second word: in memory, length u32 | slot u16 | kind u8 |
// flags u8, each in the machine's byte order.
type meta uint64

func makeMeta(length uint64, slot uint16, kind uint8) meta {
	if bigEndian {
		return meta(length<<32 | uint64(slot)<<16 | uint64(kind)<<8)
	}
	return meta(length | uint64(slot)<<32 | uint64(kind)<<48)
}

func (m meta) length() uint64 {
	if bigEndian {
		m >>= 32
	}
	return uint64(uint32(m))
}

func (m meta) slot() int {
	if bigEndian {
		m <<= 16
	}
	return int(uint16(m >> 32))
}

// kind returns kind and flags together, the kind in the lower byte: no flags are
// defined, so a record with a flag is of an unknown kind.
func (m meta) kind() uint16 {
	if bigEndian {
		return bits.ReverseBytes16(uint16(m))
	}
	return uint16(m >> 48)
}

// recordSize returns how many bytes a record with n bytes of payload occupies.
func (r *Ring) recordSize(n uint64) uint64 {
	return (RecordHeader + n + r.align - 1) &^ (r.align - 1)
}

// extent returns how many bytes the record at pos occupies, according to its second
// word. It returns false if the ring can't hold such a record; invalidRecord returns
// the reason.
func (r *Ring) extent(pos uint64, m meta) (size uint64, ok bool) {
	n := m.length()
	size = r.recordSize(n)
	return size, size <= r.capacity && pos&r.mask+size <= r.reach && (n <= r.capacity/2 || m.kind() == kindPad)
}

// invalidRecord returns why the record at pos, whose second word is m, is not valid.
// Precondition: extent returned false, or the kind is unknown.
func (r *Ring) invalidRecord(pos uint64, m meta) error {
	n, size := m.length(), r.recordSize(m.length())
	switch {
	case size > r.capacity || pos&r.mask+size > r.reach:
		return r.corrupt(pos+8, "record.length", n, "want a record that fits into the ring")
	case n > r.capacity/2 && m.kind() != kindPad:
		return r.corrupt(pos+8, "record.length", n, "want at most %d bytes in a message", r.capacity/2)
	}
	return r.corrupt(pos+14, "record.kind", uint64(m.kind()), "want kind 1, 2 or 3, and no flags")
}

// The payload of a batch is messages, one after another:
//
//	| length u32 | reserved u32 | message … pad |
//
// The reserved word is 0.

func putBatchHeader(b []byte, n uint64) { binary.NativeEndian.PutUint64(b, halves(n)) }

// batchHeader returns the length of a message. If the reserved word is not 0, the
// length is larger than any batch.
func batchHeader(b []byte) uint64 { return halves(binary.NativeEndian.Uint64(b)) }

// inBatch returns the length of the message whose header begins b, the rest of a
// batch's payload. It returns false if no message can begin there; invalidInBatch
// returns the reason. The header is read once, since a peer may change it.
func inBatch(b []byte) (n uint64, ok bool) {
	if len(b) < BatchHeader {
		return 0, false
	}
	n = batchHeader(b)
	return n, n <= uint64(len(b)-BatchHeader)
}

// invalidInBatch returns why a message of n bytes is not valid at pos, with left
// bytes of its batch remaining. Precondition: inBatch returned n and false.
func (r *Ring) invalidInBatch(pos, left, n uint64) error {
	if left < BatchHeader {
		return r.corrupt(pos, "batch.length", left, "a message's header does not fit into the rest of its batch")
	}
	return r.corrupt(pos, "batch.length", n, "want at most %d, the rest of its batch", left-BatchHeader)
}

// halves converts two words of 32 bits, the first one in the lower half, to the
// 64-bit word that they are in memory, and back.
func halves(w uint64) uint64 {
	if bigEndian {
		return bits.RotateLeft64(w, 32)
	}
	return w
}

// batchSize returns how many bytes a message of n bytes occupies in a batch.
func batchSize(n uint64) uint64 {
	return (BatchHeader + n + recordAlign - 1) &^ (recordAlign - 1)
}
