package shm

import (
	"fmt"
	"hash/crc32"
	"math/bits"
	"os"

	"github.com/shmchan/shmchan/internal/process"
)

// Config describes a segment to be made. The zero value of each field means its
// default.
type Config struct {
	Capacity   uint64 // ring bytes, rounded up to a power of two; default 1 MiB
	MaxSenders int    // sender slots; default 256
	Durable    bool   // outlives its receiver
	Mode       uint32 // permission bits of the file; default 0600
	Start      uint64 // the first position; for tests of large positions
}

// Validate returns an error that names the first field out of range, or nil.
func (c Config) Validate() error {
	switch {
	case c.Capacity > MaxCapacity:
		return fmt.Errorf("capacity %d: want at most %d bytes (4 GiB)", c.Capacity, uint64(MaxCapacity))
	case c.MaxSenders < 0 || c.MaxSenders > MaxSenders:
		return fmt.Errorf("number of senders %d: want 1 to %d", c.MaxSenders, MaxSenders)
	case c.Mode&^0o666 != 0 || c.Mode != 0 && c.Mode&0o600 != 0o600:
		return fmt.Errorf("mode %#o: want read and write bits only, and both for the owner, such as 0600 or 0660", c.Mode)
	}
	return nil
}

func (c Config) withDefaults(pageSize int) Config {
	if c.Capacity == 0 {
		c.Capacity = DefaultCapacity
	}
	if c.MaxSenders == 0 {
		c.MaxSenders = DefaultMaxSenders
	}
	if c.Mode == 0 {
		c.Mode = 0o600
	}
	c.Capacity = RoundCapacity(max(c.Capacity, uint64(pageSize)))
	return c
}

// newHeader returns the header of a segment made with c.
func newHeader(c Config, nonce uint64, created int64, pageSize int) header {
	h := header{
		magic: magic, version: version, byteOrder: orderMark, headerSize: headerSize,
		pageSize: uint32(pageSize), capacity: c.Capacity, slotsStart: slotsOffset, slotSize: slotSize,
		maxSenders: uint32(c.MaxSenders), nonce: nonce &^ (recordAlign - 1), created: created,
		bootID: process.BootID(),
	}
	if c.Durable {
		h.flags |= flagDurable
	}
	h.ringOffset = ringOffset(c.MaxSenders, uint64(pageSize))
	h.fileSize = h.ringOffset + h.capacity
	h.checksum = h.sum()
	return h
}

// FileSize returns the size in bytes of a segment made with c.
func (c Config) FileSize() uint64 {
	pageSize := os.Getpagesize()
	c = c.withDefaults(pageSize)
	return ringOffset(c.MaxSenders, uint64(pageSize)) + c.Capacity
}

func ringOffset(maxSenders int, pageSize uint64) uint64 {
	end := uint64(slotsOffset + slotSize*(1+maxSenders))
	return (end + pageSize - 1) &^ (pageSize - 1)
}

func (h *header) sum() uint32 {
	return crc32.Checksum(bytesOf(h)[:checksummed], crc32.MakeTable(crc32.Castagnoli))
}

// incompatible returns the error for a field that makes a file no segment for this
// program.
func incompatible(path string, offset int64, field string, got, want any) error {
	return fmt.Errorf("%s: %s at offset %d is %v, want %v: %w", path, field, offset, got, want, ErrIncompatible)
}

// olderOrNewer returns the error for a segment of another version of the format. It
// says what to do about it.
func olderOrNewer(path string, v uint32) error {
	what := "it was made by a newer shmchan: use that one"
	if v < version {
		what = "receive what is in it with the shmchan that made it, then remove it"
	}
	return fmt.Errorf("%w; %s", incompatible(path, at.version, "header.version", v, version), what)
}

// check validates the header field by field against the file that it was read from
// and this machine. Another kind of file, version or byte order is ErrIncompatible;
// a header that contradicts itself or its file is a *CorruptError.
func (h *header) check(path string, fileSize uint64, pageSize int) error {
	switch {
	case h.magic != magic:
		return incompatible(path, at.magic, "header.magic", fmt.Sprintf("%#x", h.magic), "that of a shmchan channel")
	case h.byteOrder != orderMark:
		return incompatible(path, at.byteOrder, "header.byte_order", fmt.Sprintf("%#x", h.byteOrder), fmt.Sprintf("%#x", orderMark))
	case h.version != version:
		return olderOrNewer(path, h.version)
	}
	corrupt := func(offset int64, field string, value uint64, format string, args ...any) error {
		return &CorruptError{Path: path, Offset: offset, Field: "header." + field, Value: value, Reason: fmt.Sprintf(format, args...)}
	}
	switch sum := h.sum(); {
	case h.checksum != sum:
		return corrupt(at.checksum, "checksum", uint64(h.checksum), "want %#x, the sum of the header", sum)
	case h.headerSize != headerSize:
		return corrupt(at.headerSize, "header_size", uint64(h.headerSize), "want %d", headerSize)
	case h.slotsStart != slotsOffset:
		return corrupt(at.slotsStart, "slots_start", uint64(h.slotsStart), "want %d", slotsOffset)
	case h.slotSize != slotSize:
		return corrupt(at.slotSize, "slot_size", uint64(h.slotSize), "want %d", slotSize)
	case h.maxSenders < 1 || h.maxSenders > MaxSenders:
		return corrupt(at.maxSenders, "max_senders", uint64(h.maxSenders), "want 1 to %d", MaxSenders)
	case bits.OnesCount64(h.capacity) != 1 || h.capacity < MinCapacity || h.capacity > MaxCapacity:
		return corrupt(at.capacity, "capacity", h.capacity, "want a power of two from %d to %d", MinCapacity, uint64(MaxCapacity))
	case bits.OnesCount32(h.pageSize) != 1:
		return corrupt(at.pageSize, "page_size", uint64(h.pageSize), "want a power of two")
	case h.ringOffset != ringOffset(int(h.maxSenders), uint64(h.pageSize)):
		return corrupt(at.ringOffset, "ring_offset", h.ringOffset, "want %d for %d sender slots and pages of %d", ringOffset(int(h.maxSenders), uint64(h.pageSize)), h.maxSenders, h.pageSize)
	case h.fileSize != h.ringOffset+h.capacity:
		return corrupt(at.fileSize, "file_size", h.fileSize, "want %d", h.ringOffset+h.capacity)
	case h.fileSize != fileSize:
		return corrupt(at.fileSize, "file_size", h.fileSize, "the file has %d bytes", fileSize)
	case h.nonce&(recordAlign-1) != 0:
		return corrupt(at.nonce, "nonce", h.nonce, "want a multiple of %d", recordAlign)
	case h.flags&^knownFlags != 0:
		return corrupt(at.flags, "flags", uint64(h.flags), "want no flags but %#x", knownFlags)
	}
	if h.ringOffset%uint64(pageSize) != 0 || h.capacity%uint64(pageSize) != 0 {
		return incompatible(path, at.pageSize, "header.page_size", h.pageSize, fmt.Sprintf("a multiple of this machine's %d", pageSize))
	}
	return nil
}
