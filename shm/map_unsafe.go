//go:build linux

package shm

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// overlay maps the file over the reserved memory, and its ring a second time behind
// it.
func overlay(mem []byte, fd int, h *header) error {
	const prot, flags = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_SHARED | unix.MAP_FIXED
	base := unsafe.Pointer(unsafe.SliceData(mem))
	if _, err := unix.MmapPtr(fd, 0, base, uintptr(h.fileSize), prot, flags); err != nil {
		return err
	}
	again := unsafe.Add(base, h.fileSize)
	_, err := unix.MmapPtr(fd, int64(h.ringOffset), again, uintptr(h.capacity), prot, flags)
	return err
}
