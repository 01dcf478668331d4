package shm

import (
	"fmt"
	"math"

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
	if err := addressable(h.fileSize + h.capacity); err != nil {
		return nil, err
	}
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
	if err := addressable(h.fileSize); err != nil {
		return nil, err
	}
	mem, err := unix.Mmap(fd, 0, int(h.fileSize), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes: %w", h.fileSize, err)
	}
	return mem, nil
}

// addressable refuses what a 32-bit program can't map, or not all of it.
func addressable(length uint64) error {
	if length > math.MaxInt {
		return fmt.Errorf("map %d bytes: this program's addresses end before that: %w", length, unix.ENOMEM)
	}
	return nil
}
