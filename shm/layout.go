package shm

import (
	"encoding/binary"
	"structs"
	"sync/atomic"
)

// Sizes of the format, version 2, as in docs/format.md.
const (
	version     = 2
	orderMark   = 0x01020304 // reads as 0x04030201 on the other byte order
	headerSize  = 4096
	controlSize = 4096
	slotsOffset = headerSize + controlSize
	slotSize    = 256
	labelSize   = 48

	// RecordHeader is the size of a record's header in bytes.
	RecordHeader = 16
	// BatchHeader is the size of the header of each message in a batch.
	BatchHeader = 8
	// recordAlign divides every position.
	recordAlign = 8

	// MinCapacity and MaxCapacity bound a ring's size in bytes; DefaultCapacity is
	// the default.
	MinCapacity     = 4096
	MaxCapacity     = 1 << 32
	DefaultCapacity = 1 << 20
	// MaxSenders is the most sender slots that a segment can have.
	MaxSenders        = 4096
	DefaultMaxSenders = 256
	// MaxLabel is the longest label, in bytes.
	MaxLabel = labelSize
)

// magic is the bytes "SHMCHAN1" as a word of this machine: the bytes are the same in
// either byte order, so that byteOrder detects a file of the other one.
var magic = binary.NativeEndian.Uint64([]byte("SHMCHAN1"))

// header is the content of the first page. It is written before the segment is
// published and never changed afterwards.
type header struct {
	_ structs.HostLayout

	magic      uint64   // 0x00  8  "SHMCHAN1"
	version    uint32   // 0x08  4  2
	byteOrder  uint32   // 0x0c  4  0x01020304 in the writer's byte order
	headerSize uint32   // 0x10  4  4096
	pageSize   uint32   // 0x14  4  of the creator; the ring begins at a multiple of it
	fileSize   uint64   // 0x18  8  bytes of the whole file
	capacity   uint64   // 0x20  8  bytes of the ring, a power of two
	ringOffset uint64   // 0x28  8  where the ring begins
	slotsStart uint32   // 0x30  4  where the slots begin: 8192
	slotSize   uint32   // 0x34  4  256
	maxSenders uint32   // 0x38  4  sender slots, without the receiver's
	flags      uint32   // 0x3c  4  bit 0: durable
	nonce      uint64   // 0x40  8  random; the lowest three bits are zero
	created    int64    // 0x48  8  wall clock, nanoseconds since 1970
	bootID     [16]byte // 0x50 16  of the boot in which the segment was made
	checksum   uint32   // 0x60  4  CRC-32C of the 96 bytes before
}

const (
	flagDurable  = 1 << 0
	knownFlags   = flagDurable
	checksummed  = 0x60
	headerLength = 0x64
)

// control is the second page: the words that endpoints share.
type control struct {
	_ structs.HostLayout

	tail     atomic.Uint64 // 0x000  8  bytes ever claimed; written by senders
	turn     atomic.Uint64 // 0x008  8  the first in line and its need; see line.go
	_        [112]byte
	head     atomic.Uint64 // 0x080  8  bytes ever released; written by the receiver, read by waiting senders
	_        [120]byte
	doorbell doorbellWords // 0x100  8  the receiver sleeps on it
	_        [120]byte
	line     lineWords // 0x180 16  how senders wait; see line.go
	_        [112]byte
	// From here on: words that change when endpoints come and go.
	attached    atomic.Uint64 // 0x200  8  senders that ever attached
	changes     atomic.Uint64 // 0x208  8  attachments, detachments and reapings of all endpoints
	receivers   atomic.Uint64 // 0x210  8  receivers that ever attached
	gone        atomic.Uint64 // 0x218  8  messages of senders that have gone
	goneBytes   atomic.Uint64 // 0x220  8  their payload
	deaths      atomic.Uint64 // 0x228  8  senders that were reaped
	skipped     atomic.Uint64 // 0x230  8  claims that were skipped
	elementType atomic.Uint64 // 0x238  8  fingerprint of a typed channel's element, or 0
	tickets     atomic.Uint64 // 0x240  8  places in line ever taken
	_           [56]byte
	// From here on: words that the receiver stores for each message and senders don't read.

	// cursor records how much of the record at head was received already, if that is
	// a batch: bits 3 to 34 of head, then the number of messages.
	cursor        atomic.Uint64 // 0x280  8
	received      atomic.Uint64 // 0x288  8  messages ever received
	receivedBytes atomic.Uint64 // 0x290  8  their payload
	// base is the number of messages before the record at head, or before the record
	// that head is about to move to: bits 3 to 34 of that record's position, then
	// the low half of the number.
	base      atomic.Uint64 // 0x298  8
	skippedTo atomic.Uint64 // 0x2a0  8  end of the last claim counted in skipped; bits 0 to 2: those of that count
	_         [0x158]byte
	waiting   [MaxSenders / 64]atomic.Uint64 // 0x400 512  bit i: sender i is in line, or waits for a position
}

// doorbellWords is a doorbell: flags and the futex word.
type doorbellWords struct {
	_ structs.HostLayout

	flags atomic.Uint32 // 0x0  4  epoch << 8 | sleeping, closed, must fence
	seq   atomic.Uint32 // 0x4  4  the futex
}

// lineWords are the words that the receiver reads after it has released room.
type lineWords struct {
	_ structs.HostLayout

	flags    atomic.Uint32 // 0x0  4  senders wait, must fence
	_        uint32
	position atomic.Uint64 // 0x8  8  the lowest position that a sender waits for, lowest bit set; 0: none
}

// slot is the registration of one endpoint. Its first 128 bytes are written at every
// send, the others at most at every beat.
type slot struct {
	_ structs.HostLayout

	intent   atomic.Uint64 // 0x00  8  the position being claimed, lowest bit set; 0: none
	messages atomic.Uint64 // 0x08  8  sent, or received
	bytes    atomic.Uint64 // 0x10  8  their payload
	_        [40]byte
	ticket   atomic.Uint64 // 0x40  8  the owner's place in line; 0: not in line
	need     atomic.Uint64 // 0x48  8  bytes of ring that the owner waits for
	position atomic.Uint64 // 0x50  8  the position that the owner waits for, lowest bit set; 0: none
	bell     atomic.Uint32 // 0x58  4  the futex that the owner sleeps on
	_        [4]byte
	waitFrom atomic.Uint64 // 0x60  8  tail when its wait for room began
	_        [24]byte
	beat     atomic.Uint64 // 0x80  8  beats so far
	beatAt   atomic.Int64  // 0x88  8  monotonic clock of the last one, nanoseconds
	interval atomic.Int64  // 0x90  8  nanoseconds between beats
	state    atomic.Uint32 // 0x98  4  free, live or barred
	pid      atomic.Uint32 // 0x9c  4  in its own PID namespace
	pidNS    atomic.Uint64 // 0xa0  8  inode of that namespace
	start    atomic.Uint64 // 0xa8  8  start time of the process, clock ticks since boot
	since    atomic.Uint64 // 0xb0  8  tail when this owner attached
	prevFrom atomic.Uint64 // 0xb8  8  the same of the previous owner
	prevPID  atomic.Uint32 // 0xc0  4  the previous owner's pid
	gen      atomic.Uint32 // 0xc4  4  number of owners so far
	// mustFence: the owner has no asymmetric fence, so the receiver must fence.
	mustFence atomic.Uint32    // 0xc8  4  0 or 1
	_         [4]byte          // 0xcc
	label     [6]atomic.Uint64 // 0xd0 48  UTF-8, padded with NUL
}

const (
	slotFree   = 0
	slotLive   = 1
	slotBarred = 2 // a dead owner's, kept from newcomers by LockSenders
)
