package shm

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// patch publishes a segment and changes its header in the file. reseal updates the
// checksum.
func patch(t *testing.T, reseal bool, change func(h *header)) (Place, header) {
	t.Helper()
	p := placeIn(t)
	return p, patchAt(t, p, reseal, change)
}

// patchAt is patch at the given place.
func patchAt(t *testing.T, p Place, reseal bool, change func(h *header)) header {
	t.Helper()
	s := publish(t, p, Config{Capacity: 1, MaxSenders: 3})
	h := s.head
	change(&h)
	if reseal {
		h.checksum = h.sum()
	}
	f, err := os.OpenFile(p.Path(), os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.WriteAt(bytesOf(&h), 0)
	require.NoError(t, err)
	return h
}

// refused opens a file that is not a channel, checks that it is unchanged, and
// returns the error.
func refused(t *testing.T, p Place) error {
	t.Helper()
	before, err := os.ReadFile(p.Path())
	require.NoError(t, err)
	s, err := Open(p)
	require.Nil(t, s)
	require.ErrorContains(t, err, p.Path())
	after, readErr := os.ReadFile(p.Path())
	require.NoError(t, readErr)
	require.True(t, bytes.Equal(before, after), "the file was changed")
	return err
}

func TestFieldsThatMakeAHeaderIncompatible(t *testing.T) {
	for field, test := range map[string]struct {
		offset int64
		change func(h *header)
	}{
		"header.magic":      {0x00, func(h *header) { h.magic ^= 1 }},
		"header.version":    {0x08, func(h *header) { h.version = 3 }},
		"header.byte_order": {0x0c, func(h *header) { h.byteOrder = 0x04030201 }},
	} {
		for _, reseal := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, resealed %v", field, reseal), func(t *testing.T) {
				p, _ := patch(t, reseal, test.change)
				err := refused(t, p)
				require.ErrorIs(t, err, ErrIncompatible)
				require.ErrorContains(t, err, fmt.Sprintf("%s at offset %d", field, test.offset))
			})
		}
	}
}

func TestFieldsThatMakeAHeaderCorrupt(t *testing.T) {
	for what, test := range map[string]struct {
		field  string
		offset int64
		change func(h *header)
		value  func(h *header) uint64
	}{
		"header size":              {"header_size", 0x10, func(h *header) { h.headerSize = 8192 }, func(h *header) uint64 { return uint64(h.headerSize) }},
		"page size not a power":    {"page_size", 0x14, func(h *header) { h.pageSize = 4097 }, func(h *header) uint64 { return uint64(h.pageSize) }},
		"page size zero":           {"page_size", 0x14, func(h *header) { h.pageSize = 0 }, func(h *header) uint64 { return uint64(h.pageSize) }},
		"larger than the file":     {"file_size", 0x18, func(h *header) { h.fileSize += 8 }, func(h *header) uint64 { return h.fileSize }},
		"no power of two":          {"capacity", 0x20, func(h *header) { h.capacity *= 3 }, func(h *header) uint64 { return h.capacity }},
		"no capacity":              {"capacity", 0x20, func(h *header) { h.capacity = 0 }, func(h *header) uint64 { return h.capacity }},
		"too small a capacity":     {"capacity", 0x20, func(h *header) { h.capacity = 2048 }, func(h *header) uint64 { return h.capacity }},
		"too large a capacity":     {"capacity", 0x20, func(h *header) { h.capacity = 1 << 33 }, func(h *header) uint64 { return h.capacity }},
		"another capacity":         {"file_size", 0x18, func(h *header) { h.capacity *= 2 }, func(h *header) uint64 { return h.fileSize }},
		"all grown":                {"file_size", 0x18, func(h *header) { h.fileSize += h.capacity; h.capacity *= 2 }, func(h *header) uint64 { return h.fileSize }},
		"ring below the slots":     {"ring_offset", 0x28, func(h *header) { h.ringOffset = 8192 }, func(h *header) uint64 { return h.ringOffset }},
		"ring at no page":          {"ring_offset", 0x28, func(h *header) { h.ringOffset++ }, func(h *header) uint64 { return h.ringOffset }},
		"slots elsewhere":          {"slots_start", 0x30, func(h *header) { h.slotsStart = 4096 }, func(h *header) uint64 { return uint64(h.slotsStart) }},
		"slots of another size":    {"slot_size", 0x34, func(h *header) { h.slotSize = 128 }, func(h *header) uint64 { return uint64(h.slotSize) }},
		"no senders":               {"max_senders", 0x38, func(h *header) { h.maxSenders = 0 }, func(h *header) uint64 { return uint64(h.maxSenders) }},
		"too many senders":         {"max_senders", 0x38, func(h *header) { h.maxSenders = MaxSenders + 1 }, func(h *header) uint64 { return uint64(h.maxSenders) }},
		"more senders than fit":    {"ring_offset", 0x28, func(h *header) { h.maxSenders = 100 }, func(h *header) uint64 { return h.ringOffset }},
		"an unknown flag":          {"flags", 0x3c, func(h *header) { h.flags |= 2 }, func(h *header) uint64 { return uint64(h.flags) }},
		"a nonce with a low bit":   {"nonce", 0x40, func(h *header) { h.nonce |= 4 }, func(h *header) uint64 { return h.nonce }},
		"as large as can be":       {"file_size", 0x18, func(h *header) { h.fileSize = 1<<64 - 1 }, func(h *header) uint64 { return h.fileSize }},
		"ring as far as can be":    {"ring_offset", 0x28, func(h *header) { h.ringOffset = 1<<64 - 4096 }, func(h *header) uint64 { return h.ringOffset }},
		"capacity of the last bit": {"capacity", 0x20, func(h *header) { h.capacity = 1 << 63 }, func(h *header) uint64 { return h.capacity }},
	} {
		t.Run(what, func(t *testing.T) {
			p, h := patch(t, true, test.change)
			err := refused(t, p)
			corrupt := requireCorrupt(t, err, "header."+test.field)
			require.Equal(t, test.offset, corrupt.Offset)
			require.Equal(t, test.value(&h), corrupt.Value)
			require.Equal(t, p.Path(), corrupt.Path)

			p, _ = patch(t, false, test.change)
			corrupt = requireCorrupt(t, refused(t, p), "header.checksum")
			require.EqualValues(t, 0x60, corrupt.Offset)
		})
	}
}

func TestAnyDamagedByteOfTheHeaderIsNoticed(t *testing.T) {
	h := newHeader(Config{}.withDefaults(4096), 0xabcdef0123456788, 1, 4096)
	require.NoError(t, h.check("f", h.fileSize, 4096))
	for i := range headerLength {
		for bit := range 8 {
			bad := h
			bytesOf(&bad)[i] ^= 1 << bit
			err := bad.check("f", h.fileSize, 4096)
			var corrupt *CorruptError
			if i < 16 && err != nil {
				require.ErrorIs(t, err, ErrIncompatible, "byte %d", i)
				continue
			}
			require.ErrorAs(t, err, &corrupt, "byte %d", i)
			require.Equal(t, "header.checksum", corrupt.Field)
		}
	}
}

func TestHeaderForLargerPagesIsIncompatibleOnlyWhereItCannotBeMapped(t *testing.T) {
	h := newHeader(Config{Capacity: 4096, MaxSenders: 3}, 8, 1, 4096)
	require.NoError(t, h.check("f", h.fileSize, 4096))
	err := h.check("f", h.fileSize, 65536)
	require.ErrorIs(t, err, ErrIncompatible)
	require.ErrorContains(t, err, "header.page_size at offset 20 is 4096")
	h = newHeader(Config{Capacity: 65536, MaxSenders: 3}, 8, 1, 65536)
	require.NoError(t, h.check("f", h.fileSize, 65536))
	require.NoError(t, h.check("f", h.fileSize, 4096), "smaller pages divide larger ones")
}

func TestFilesThatAreNoSegment(t *testing.T) {
	random := make([]byte, 64<<10)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	for what, content := range map[string][]byte{
		"empty":                   {},
		"one byte":                {'S'},
		"a byte short":            make([]byte, slotsOffset-1),
		"zeroes":                  make([]byte, 64<<10),
		"random":                  random,
		"text":                    []byte(strings.Repeat("SHMCHAN2 is not this version\n", 1000)),
		"the magic and no more":   []byte("SHMCHAN1"),
		"the magic, then nothing": append([]byte("SHMCHAN1"), make([]byte, 64<<10)...),
	} {
		t.Run(what, func(t *testing.T) {
			p := placeIn(t)
			require.NoError(t, os.WriteFile(p.Path(), content, 0o600))
			t.Cleanup(func() { require.NoError(t, os.Remove(p.Path())) })
			require.ErrorIs(t, refused(t, p), ErrIncompatible)
		})
	}
}

func TestFileOfAnotherSizeThanItsHeaderSays(t *testing.T) {
	for what, by := range map[string]int64{"a byte longer": 1, "a page longer": 4096, "a byte shorter": -1, "without its ring": -4096} {
		t.Run(what, func(t *testing.T) {
			p, h := patch(t, true, func(*header) {})
			require.NoError(t, os.Truncate(p.Path(), int64(h.fileSize)+by))
			corrupt := requireCorrupt(t, refused(t, p), "header.file_size")
			require.Contains(t, corrupt.Reason, fmt.Sprintf("the file has %d bytes", int64(h.fileSize)+by))
		})
	}
	p, _ := patch(t, true, func(*header) {})
	require.NoError(t, os.Truncate(p.Path(), slotsOffset-1))
	require.ErrorIs(t, refused(t, p), ErrIncompatible)
}
