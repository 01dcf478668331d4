package shm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/busguard"
)

// firstFlag is the lowest bit of a record's flags in its second word.
var firstFlag = map[bool]uint64{false: 1 << 56, true: 1}[bigEndian]

func TestRecordThatCannotBeIsCorruptAgainAndAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		for what, test := range map[string]struct {
			second uint64 // word of the record
			field  string
		}{
			"kind 0":                        {uint64(makeMeta(1, 0, 0)), "record.kind"},
			"kind 4":                        {uint64(makeMeta(1, 0, 4)), "record.kind"},
			"a flag":                        {uint64(makeMeta(1, 0, kindData)) | firstFlag, "record.kind"},
			"message above half the ring":   {uint64(makeMeta(r.capacity/2+1, 0, kindData)), "record.length"},
			"batch above half the ring":     {uint64(makeMeta(r.capacity/2+1, 0, kindBatch)), "record.length"},
			"as long as the ring":           {uint64(makeMeta(r.capacity, 0, kindData)), "record.length"},
			"longer than the ring by a bit": {uint64(makeMeta(r.capacity-RecordHeader+1, 0, kindPad)), "record.length"},
			"longest":                       {uint64(makeMeta(1<<32-1, 0, kindBatch)), "record.length"},
		} {
			t.Run(what, func(t *testing.T) {
				restart(r, lap(r))
				p, c := ends(t, r)
				put(t, p[0], "a", "b")
				bad := r.Tail()
				put(t, p[0], "c")
				r.word(bad + 8).Store(test.second)
				take(t, c, "a", "b")
				for range 3 {
					require.True(t, c.Pending(), "Next returns an error")
					_, err := c.Next()
					corrupt := requireCorrupt(t, err, test.field)
					requireNamed(t, r, corrupt, r.offset+int64(bad&r.mask)+8)
					c.Release()
				}
				require.Equal(t, bad, r.Head(), "nothing is skipped")
			})
		}
	})
}

// In a ring that is mapped once, a record that would cross the end of a lap is
// corrupt for every reader: its bytes are not there.
func TestRecordAcrossTheEndOfALapIsCorruptOnTheHeap(t *testing.T) {
	for kind := range uint8(kindPad) {
		r := NewHeapRing(MinCapacity, senders, MinCapacity-2*RecordHeader)
		bad := r.Tail()
		put(t, r.NewProducer(0, true), "")
		r.word(bad + 8).Store(uint64(makeMeta(RecordHeader+1, 0, kind+1)))
		c := newConsumer(t, r)
		_, err := c.Next()
		requireCorrupt(t, err, "record.length")
		dst, ok := c.Append(nil, busguard.None())
		require.False(t, ok)
		require.Empty(t, dst)
		p, err := r.NewPeeker(nil)
		require.NoError(t, err)
		_, _, err = p.Next()
		requireCorrupt(t, err, "record.length")
	}
}

// requireNamed checks that the error names file and offset, to within a word.
func requireNamed(t *testing.T, r *Ring, err *CorruptError, offset int64) {
	t.Helper()
	if r.offset < 0 {
		require.EqualValues(t, -1, err.Offset)
		return
	}
	require.Equal(t, offset, err.Offset&^7)
	require.Equal(t, r.path, err.Path)
	require.Contains(t, err.Error(), r.path)
	require.Contains(t, err.Error(), err.Field)
}

func TestTailThatCannotBeIsCorrupt(t *testing.T) {
	onBothFrom(t, func(t *testing.T, r *Ring) {
		head := r.Head()
		for what, tail := range map[string]uint64{
			"below head":            head - 16,
			"far below head":        head - 1<<40,
			"beyond the ring":       head + r.capacity + 16,
			"far beyond the ring":   head + 1<<62,
			"as far away as can be": head + 1<<63,
			"no boundary":           head + 4,
			"odd":                   head + 17,
		} {
			t.Run(what, func(t *testing.T) {
				restart(r, head)
				p, c := ends(t, r)
				r.ctl.tail.Store(tail)

				_, err := c.InFlight()
				requireNamed(t, r, requireCorrupt(t, err, "tail"), headerSize)
				_, err = c.Recover(func(int) bool { return true })
				requireCorrupt(t, err, "tail")
				require.Equal(t, head, r.Head())
				_, err = r.NewConsumer(true)
				requireCorrupt(t, err, "tail")

				for range 2 {
					_, err = p[0].Claim(10)
					requireCorrupt(t, err, "tail")
					require.Equal(t, tail, r.Tail(), "nothing is claimed")
					require.Zero(t, p[0].slot.intent.Load())
					require.False(t, p[0].Open())
				}
			})
		}
	})
}

func TestHeadThatCannotBeIsCorrupt(t *testing.T) {
	onBothFrom(t, func(t *testing.T, r *Ring) {
		tail := r.Tail()
		for what, head := range map[string]uint64{
			"above tail":            tail + 16,
			"far above tail":        tail + 1<<40,
			"a lap and more behind": tail - r.capacity - 16,
			"as far away as can be": tail + 1<<63,
			"no boundary":           tail - 4,
		} {
			t.Run(what, func(t *testing.T) {
				restart(r, tail)
				r.ctl.head.Store(head)
				_, err := r.NewConsumer(true)
				var corrupt *CorruptError
				require.ErrorAs(t, err, &corrupt)
				require.Contains(t, []string{"head", "tail"}, corrupt.Field)

				if head == tail-4 {
					return // a sender has room there, and goes by tail
				}
				_, err = r.NewProducer(0, true).Claim(r.MaxMessage())
				require.ErrorAs(t, err, &corrupt)
				require.Contains(t, []string{"head", "tail"}, corrupt.Field)
				require.Equal(t, tail, r.Tail())
				require.Zero(t, r.slots[1].intent.Load())
			})
		}
	})
}

func TestErrorsNameTheWord(t *testing.T) {
	err := &CorruptError{Path: "/dev/shm/x/ch", Offset: 0x20, Field: "header.capacity", Value: 0x1001, Reason: "want a power of two"}
	require.EqualError(t, err, "/dev/shm/x/ch: corrupt: header.capacity at offset 32 is 0x1001: want a power of two")
	err.Path = ""
	require.Contains(t, err.Error(), "ring: corrupt")
}
