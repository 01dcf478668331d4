// Package shm implements the mechanism of a channel between processes: a segment,
// the ring in it, the slots and locks of its endpoints, and the doorbells that
// sleeping endpoints wait on. An endpoint is a sender or the receiver. Policy is up
// to package ipc: which endpoint waits, for how long, and what counts as
// disconnected.
//
// # Segment
//
// A segment is one file, which every process that uses the channel maps:
//
//	| header, one page | control, one page | slot of the receiver | sender slots … | ring |
//
// The header never changes after the segment was published. The control page holds
// the words that the endpoints share. A slot is the registration of one endpoint,
// which holds the kernel's lock on one byte of the file. The ring is a power of two
// of whole pages, mapped twice in a row, so every record is one contiguous slice
// wherever it begins. docs/format.md lists every offset of the structs in layout.go.
//
// # Ring
//
// A position is a byte count that only grows; position & (capacity-1) is its offset
// in the ring. Records, each a framed message or batch, lie between head (the
// receiver's position) and tail (the senders'), each at a multiple of 8:
//
//	| stamp u64 | length u32 | slot u16 | kind u8 | flags u8 | payload … padded to 8 |
//
// The stamp of a committed record at position p is nonce + p with the lowest bit
// set; the nonce is a random number in the header. A stamp is valid only at its own
// position in its own lap, so stale bytes, or a payload that looks like a header,
// never pass for a record, and nothing is zeroed. A batch is one record whose
// payload holds messages, each
//
//	| length u32 | 0 u32 | bytes … padded to 8 |
//
// # Claim, commit, recovery
//
// To claim, a sender stores its intent (the position that it is about to claim) in
// its slot and moves tail past the record with a compare-and-swap. It writes length
// and payload, and commits by storing the stamp last. If the receiver finds no stamp
// at head while tail is beyond it, a claim is in flight. If every sender whose
// intent is head is dead by the kernel's word (its lock is free, or its process is
// gone: alive.go), the claim will never be committed, and recovery skips it up to
// the next boundary that can be proven. See producer.go and recover.go for the
// invariants and the interleavings, and docs/format.md for the rest.
//
// # Concurrency
//
// A Producer serves one goroutine at a time, and so does a Consumer. A Ring may lie
// on the heap instead of in a file (NewHeapRing), so that the race detector can
// check the same algorithm.
package shm
