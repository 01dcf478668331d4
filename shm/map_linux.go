package shm

import (
	"fmt"

	"github.com/edsrzf/mmap-go"
	"golang.org/x/sys/unix"
)

// mapFile maps the whole file and, behind it, the ring a second time:
//
//	| header | control | slots | ring | ring again |
//
// The address space is reserved first by an anonymous mapping of that length;
// the file then goes over it, so nothing else can have come in between, and one
// unmapping removes all.
func mapFile(fd int, h *header) (mmap.MMap, error) {
	length := int(h.fileSize + h.capacity)
	mem, err := mmap.MapRegion(nil, length, mmap.COPY, mmap.ANON, 0)
	if err != nil {
		return nil, fmt.Errorf("reserve %d bytes of address space: %w", length, err)
	}
	if err := overlay(mem, fd, h); err != nil {
		_ = mem.Unmap()
		return nil, fmt.Errorf("map %d bytes: %w", length, err)
	}
	return mem, nil
}

// mapReadOnly maps the whole file, its ring once, for looking at.
func mapReadOnly(fd int, h *header) (mmap.MMap, error) {
	mem, err := unix.Mmap(fd, 0, int(h.fileSize), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes: %w", h.fileSize, err)
	}
	return mem, nil
}
