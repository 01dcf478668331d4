package shm

import (
	"sync/atomic"
	"unsafe"
)

// words are a ring's bytes as atomic words.
type words struct {
	base     unsafe.Pointer
	wordMask uint64 // the ring's mask without the lowest three bits
}

func wordsOf(data []byte, capacity uint64) words {
	return words{unsafe.Pointer(unsafe.SliceData(data)), (capacity - 1) &^ 7}
}

// word returns the 8 bytes of the ring at pos as an atomic word. Whatever pos is,
// they are an aligned word of the ring: the mask keeps it below the capacity, of
// which there are as many bytes at least, and takes the lowest three bits away.
// Several of these are on the way of every message, so no bounds are checked.
func (w *words) word(pos uint64) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Add(w.base, pos&w.wordMask))
}
