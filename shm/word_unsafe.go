package shm

import (
	"sync/atomic"
	"unsafe"
)

// words views a ring's bytes as atomic words.
type words struct {
	base     unsafe.Pointer
	wordMask uint64 // the ring's mask without the lowest three bits
}

func wordsOf(data []byte, capacity uint64) words {
	return words{unsafe.Pointer(unsafe.SliceData(data)), (capacity - 1) &^ 7}
}

// word returns the 8 bytes of the ring at pos as an atomic word. For any pos they
// are an aligned word of the ring: the mask keeps the offset below the capacity, and
// data has at least that many bytes, and it clears the lowest three bits. Every
// message needs several of these, so there is no bounds check.
func (w *words) word(pos uint64) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Add(w.base, pos&w.wordMask))
}
