package shm

import (
	"sync/atomic"
	"unsafe"
)

// ringBase is where a ring's bytes begin.
type ringBase struct{ at unsafe.Pointer }

func baseOf(data []byte) ringBase { return ringBase{unsafe.Pointer(unsafe.SliceData(data))} }

// word returns the 8 bytes of the ring at pos as an atomic word. Whatever pos is,
// they are an aligned word of the ring: the mask keeps it below the capacity, of
// which there are as many bytes at least, and takes the lowest three bits away.
// Several of these are on the way of every message, so no bounds are checked.
func (r *Ring) word(pos uint64) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Add(r.base.at, pos&r.wordMask))
}
