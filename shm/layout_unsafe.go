package shm

import (
	"unsafe"
)

// The offsets of docs/format.md: a field that moves does not compile.
var (
	_ [headerLength]byte = [unsafe.Offsetof(header{}.checksum) + 4]byte{}
	_ [checksummed]byte  = [unsafe.Offsetof(header{}.checksum)]byte{}
	_ [0x08]byte         = [unsafe.Offsetof(header{}.version)]byte{}
	_ [0x18]byte         = [unsafe.Offsetof(header{}.fileSize)]byte{}
	_ [0x20]byte         = [unsafe.Offsetof(header{}.capacity)]byte{}
	_ [0x28]byte         = [unsafe.Offsetof(header{}.ringOffset)]byte{}
	_ [0x30]byte         = [unsafe.Offsetof(header{}.slotsStart)]byte{}
	_ [0x38]byte         = [unsafe.Offsetof(header{}.maxSenders)]byte{}
	_ [0x40]byte         = [unsafe.Offsetof(header{}.nonce)]byte{}
	_ [0x50]byte         = [unsafe.Offsetof(header{}.bootID)]byte{}

	_ [0x080]byte = [unsafe.Offsetof(control{}.head)]byte{}
	_ [0x280]byte = [unsafe.Offsetof(control{}.cursor)]byte{}
	_ [0x298]byte = [unsafe.Offsetof(control{}.base)]byte{}
	_ [0x2a0]byte = [unsafe.Offsetof(control{}.skippedTo)]byte{}
	_ [0x100]byte = [unsafe.Offsetof(control{}.doorbell)]byte{}
	_ [0x008]byte = [unsafe.Offsetof(control{}.turn)]byte{}
	_ [0x180]byte = [unsafe.Offsetof(control{}.line)]byte{}
	_ [0x200]byte = [unsafe.Offsetof(control{}.attached)]byte{}
	_ [0x238]byte = [unsafe.Offsetof(control{}.elementType)]byte{}
	_ [0x240]byte = [unsafe.Offsetof(control{}.tickets)]byte{}
	_ [0x400]byte = [unsafe.Offsetof(control{}.waiting)]byte{}

	_ [0x40]byte     = [unsafe.Offsetof(slot{}.ticket)]byte{}
	_ [0x58]byte     = [unsafe.Offsetof(slot{}.bell)]byte{}
	_ [0x60]byte     = [unsafe.Offsetof(slot{}.waitFrom)]byte{}
	_ [0x80]byte     = [unsafe.Offsetof(slot{}.beat)]byte{}
	_ [0x98]byte     = [unsafe.Offsetof(slot{}.state)]byte{}
	_ [0xb0]byte     = [unsafe.Offsetof(slot{}.since)]byte{}
	_ [0xc4]byte     = [unsafe.Offsetof(slot{}.gen)]byte{}
	_ [0xc8]byte     = [unsafe.Offsetof(slot{}.mustFence)]byte{}
	_ [0xd0]byte     = [unsafe.Offsetof(slot{}.label)]byte{}
	_ [slotSize]byte = [unsafe.Sizeof(slot{})]byte{}
)

// Offsets of the control words, for errors.
const (
	tailOffset = unsafe.Offsetof(control{}.tail)
	headOffset = unsafe.Offsetof(control{}.head)
)

// controlAt and slotsAt view mapped bytes as the structs. Preconditions: mem begins
// at a page boundary and is at least as long as the view.
func controlAt(mem []byte) *control {
	return (*control)(unsafe.Pointer(unsafe.SliceData(mem[headerSize:][:controlSize])))
}

func slotsAt(mem []byte, n int) []slot {
	b := mem[slotsOffset:][:n*slotSize]
	return unsafe.Slice((*slot)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// bytesOf views a header as bytes.
func bytesOf(h *header) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(h)), headerLength)
}

// at holds the offsets of the header's fields, for errors.
var at = struct {
	byteOrder, capacity, checksum, fileSize, flags, headerSize, magic, maxSenders, nonce, pageSize, ringOffset, slotSize, slotsStart, version int64
}{
	byteOrder:  int64(unsafe.Offsetof(header{}.byteOrder)),
	capacity:   int64(unsafe.Offsetof(header{}.capacity)),
	checksum:   int64(unsafe.Offsetof(header{}.checksum)),
	fileSize:   int64(unsafe.Offsetof(header{}.fileSize)),
	flags:      int64(unsafe.Offsetof(header{}.flags)),
	headerSize: int64(unsafe.Offsetof(header{}.headerSize)),
	magic:      int64(unsafe.Offsetof(header{}.magic)),
	maxSenders: int64(unsafe.Offsetof(header{}.maxSenders)),
	nonce:      int64(unsafe.Offsetof(header{}.nonce)),
	pageSize:   int64(unsafe.Offsetof(header{}.pageSize)),
	ringOffset: int64(unsafe.Offsetof(header{}.ringOffset)),
	slotSize:   int64(unsafe.Offsetof(header{}.slotSize)),
	slotsStart: int64(unsafe.Offsetof(header{}.slotsStart)),
	version:    int64(unsafe.Offsetof(header{}.version)),
}
