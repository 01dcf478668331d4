// Package shm is the mechanism of a channel between processes: a segment (one
// mapped file), the ring in it, the ends' slots and locks, and the doorbells
// that sleeping ends wait on. It decides no policy: who waits, for how long, and
// what counts as disconnected is package ipc's.
//
// # Segment
//
//	| header, one page | control, one page | slot of the receiver | sender slots … | ring |
//
// The header never changes after the segment was published. The ring is a power
// of two of whole pages and is mapped twice in a row, so every record is one
// contiguous slice wherever it begins. docs/format.md has every offset; the
// structs in layout.go assert them at compile time.
//
// # Ring
//
// Positions are byte counts that only grow; position & (capacity-1) is the
// offset. Records lie between head (the receiver's) and tail (the senders'),
// each beginning at a multiple of 8:
//
//	| stamp u64 | length u32 | slot u16 | kind u8 | flags u8 | payload … padded to 8 |
//
// The stamp of a committed record at position p is nonce + p, with the lowest
// bit set. It is right at its own position in its own lap only, so stale bytes,
// and payload that looks like a header, never pass for a record, and nothing is
// zeroed. A batch is one record whose payload holds messages, each
//
//	| length u32 | 0 u32 | bytes … padded to 8 |
//
// # Claim, commit, recovery
//
// A sender stores its intent (the position that it is about to claim) in its
// slot, moves tail past the record with a compare-and-swap, writes length and
// payload, and stores the stamp last. A receiver that finds no stamp at head
// while tail is beyond it has met a claim in flight: if every sender whose intent
// is head is dead by the kernel's word (its lock is free, or its process gone:
// alive.go), the claim never comes and is skipped, up
// to the next boundary that can be proven. See claim.go and recover.go for the
// invariants and the interleavings, and docs/format.md for the rest.
//
// # Concurrency
//
// A Producer serves one goroutine at a time, a Consumer too. A Ring may lie on
// the heap instead of in a file (NewHeapRing), so that the race detector can
// watch the same algorithm.
package shm
