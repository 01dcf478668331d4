package shm

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// golden returns the bytes of a file in testdata/segments, which holds them in
// hexadecimal, with # comments.
func golden(t *testing.T, name string) []byte {
	t.Helper()
	if bigEndian {
		t.Skip("the golden files are of a little-endian machine")
	}
	page, err := os.ReadFile("../testdata/segments/" + name)
	require.NoError(t, err)
	var digits strings.Builder
	for line := range strings.Lines(string(page)) {
		code, _, _ := strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(code), ""))
	}
	b, err := hex.DecodeString(digits.String())
	require.NoError(t, err)
	return b
}

// goldenHeader is the header in v2.header.hex.
func goldenHeader() header {
	h := newHeader(Config{Capacity: 1 << 16, MaxSenders: 5, Durable: true}, 0x0123456789abcde8, 1_700_000_000_123_456_789, 4096)
	for i := range h.bootID {
		h.bootID[i] = byte(i)
	}
	h.checksum = h.sum()
	return h
}

func TestGoldenHeaderIsAcceptedAndWrittenTheSame(t *testing.T) {
	want := golden(t, "v2.header.hex")
	require.Len(t, want, headerLength)
	var h header
	copy(bytesOf(&h), want)
	require.NoError(t, h.check("golden", h.fileSize, 4096))
	again := goldenHeader()
	require.Equal(t, hex.Dump(want), hex.Dump(bytesOf(&again)))
}

func TestGoldenSegmentIsOpened(t *testing.T) {
	if os.Getpagesize() > 1<<16 {
		t.Skip("pages are larger than the golden ring")
	}
	h := goldenHeader()
	file := make([]byte, h.fileSize)
	copy(file, golden(t, "v2.header.hex"))
	copy(file[h.ringOffset:], golden(t, "v2.records.hex"))
	p := placeIn(t)
	require.NoError(t, os.WriteFile(p.Path(), file, 0o600))
	t.Cleanup(func() { require.NoError(t, os.Remove(p.Path())) })

	s := openAt(t, p)
	require.True(t, s.Durable())
	require.Equal(t, 5, s.Ring().Senders())
	require.Equal(t, int64(1_700_000_000_123_456_789), s.Created().UnixNano())
	s.Ring().ctl.tail.Store(uint64(len(golden(t, "v2.records.hex"))))
	requireGoldenRecords(t, newConsumer(t, s.Ring()))
}

func TestGoldenRecordsAreReadAndWrittenTheSame(t *testing.T) {
	want := golden(t, "v2.records.hex")
	r := NewHeapRing(1<<16, 5, 0)
	r.align, r.stampBase = recordAlign, goldenHeader().nonce|1
	p, _ := ends(t, r)
	put(t, p[4], "hello")
	batch(t, p[1], "a", "", "nine byte")
	clear(claim(t, p[2], 12))
	p[2].Abort()
	put(t, p[0], "")
	require.EqualValues(t, len(want), r.Tail())
	require.Equal(t, hex.Dump(want), hex.Dump(r.data[:len(want)]))
	requireGoldenRecords(t, newConsumer(t, r))
}

// requireGoldenRecords checks that the Consumer receives the records in
// v2.records.hex.
func requireGoldenRecords(t *testing.T, c *Consumer) {
	t.Helper()
	for i, msg := range []string{"hello", "a", "", "nine byte", ""} {
		take(t, c, msg)
		require.Equal(t, []int{4, 1, 1, 1, 0}[i], c.Origin().Slot)
	}
	requireIdle(t, c)
}

func TestSegmentOfVersion1IsRefusedAndSaysWhatToDo(t *testing.T) {
	var h header
	copy(bytesOf(&h), golden(t, "v1.header.hex"))
	err := h.check("golden", h.fileSize, 4096)
	require.ErrorIs(t, err, ErrIncompatible)
	require.ErrorContains(t, err, "header.version at offset 8 is 1, want 2")
	require.ErrorContains(t, err, "receive what is in it with the shmchan that made it")
	h.version = version + 1
	require.ErrorContains(t, h.check("golden", h.fileSize, 4096), "newer shmchan")
}
