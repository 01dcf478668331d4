package ipc

import "unsafe"

// memoryOf gives the bytes that *v consists of, to read and to write. The slice
// lives as long as *v. Preconditions: T holds no pointers.
func memoryOf[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}
