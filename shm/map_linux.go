package shm

import (
	"fmt"
	"math"

	"github.com/edsrzf/mmap-go"
	"golang.org/x/sys/unix"
)

// mapFile maps the whole file, followed by the ring a second time:
//
//	| header | control | slots | ring | ring again |
//
// An anonymous mapping of that length first reserves the address space, and the file
// is mapped over it, so no other mapping can come in between, and one unmapping
// removes all. The reservation is inaccessible (PROT_NONE): a writable one would
// count as memory, twice the ring's size, against the limit of the process (ulimit
// -d), and on a kernel that does not overcommit. mmap-go can't make such a mapping,
// but unmaps it.
func mapFile(fd int, h *header) (mmap.MMap, error) {
	if err := addressable(h.fileSize + h.capacity); err != nil {
		return nil, err
	}
	length := int(h.fileSize + h.capacity)
	const flags = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_NORESERVE
	reserved, err := unix.Mmap(-1, 0, length, unix.PROT_NONE, flags)
	if err != nil {
		return nil, notMapped("reserve", uint64(length), " of address space", err)
	}
	mem := mmap.MMap(reserved)
	if err := overlay(mem, fd, h); err != nil {
		_ = mem.Unmap()
		return nil, notMapped("map", uint64(length), "", err)
	}
	return mem, nil
}

// mapReadOnly maps the whole file, its ring once, for examining it.
func mapReadOnly(fd int, h *header) (mmap.MMap, error) {
	if err := addressable(h.fileSize); err != nil {
		return nil, err
	}
	mem, err := unix.Mmap(fd, 0, int(h.fileSize), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, notMapped("map", h.fileSize, "", err)
	}
	return mem, nil
}

// notMapped returns the error for a failed mapping. It names the limit of the
// process if there is one that the mapping exceeds.
func notMapped(op string, length uint64, of string, err error) error {
	var limit unix.Rlimit
	if err == unix.ENOMEM && unix.Getrlimit(unix.RLIMIT_AS, &limit) == nil && limit.Cur != math.MaxUint64 {
		return fmt.Errorf("%s %d bytes%s: this process may have %d in all (ulimit -v); raise the limit, or use a channel of smaller capacity: %w",
			op, length, of, limit.Cur, err)
	}
	return fmt.Errorf("%s %d bytes%s: %w", op, length, of, err)
}

// addressable refuses a length that a 32-bit program can't map.
func addressable(length uint64) error {
	if length > math.MaxInt {
		return fmt.Errorf("map %d bytes: more than this program's address space: %w", length, unix.ENOMEM)
	}
	return nil
}
