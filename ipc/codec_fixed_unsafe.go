package ipc

import "unsafe"

// memoryOf returns the bytes of *v, for reading and writing. The slice is valid as
// long as *v. Precondition: T holds no pointers.
func memoryOf[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}
