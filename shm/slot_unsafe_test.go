package shm

import "unsafe"

// slotBytes views a slot as bytes.
func slotBytes(s *slot) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(s)), slotSize) }
