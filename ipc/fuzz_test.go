package ipc_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// Offsets in a segment with a ring of 4096 bytes and two senders; see docs/format.md.
const (
	controlAt = 4096
	slotsAt   = 8192
	ringAt    = 12288
)

// edit writes a fuzzer's bytes into a file: a sequence of 2-byte offsets, in words from
// base and modulo size, each followed by an 8-byte word.
func edit(t testing.TB, f io.WriterAt, base int64, size int64, edits []byte) {
	t.Helper()
	for ; len(edits) >= 10; edits = edits[10:] {
		off := int64(binary.LittleEndian.Uint16(edits)) * 8 % size
		_, err := f.WriteAt(edits[2:10], base+off)
		require.NoError(t, err)
	}
}

// encodeEdit is the inverse of edit, for seeds.
func encodeEdit(off int, word uint64) []byte {
	b := binary.LittleEndian.AppendUint16(nil, uint16(off/8))
	return binary.LittleEndian.AppendUint64(b, word)
}

// seedEdits adds plausible wrong values for every word of control page and slots.
func seedEdits(f *testing.F) {
	f.Add([]byte{})
	for _, word := range []uint64{0, 1, 7, 4096, 1 << 20, 1 << 32, 1 << 63, ^uint64(0), 0x0101010101010101} {
		for _, off := range []int{0x000, 0x080, 0x280, 0x100, 0x180, 0x200, 0x208, 0x210, 0x218, 0x228, 0x238} {
			f.Add(encodeEdit(off, word))
		}
		for _, off := range []int{0x00, 0x08, 0x80, 0x88, 0x90, 0x98, 0xa0, 0xa8, 0xb0, 0xb8, 0xc0, 0xd0} {
			for s := range 3 {
				f.Add(encodeEdit(slotsAt-controlAt+256*s+off, word))
			}
		}
	}
}

// small returns options for a channel with the layout above.
func small(dir string) *ipc.Options {
	return &ipc.Options{Dir: dir, Capacity: 4096, MaxSenders: 2, Heartbeat: quick, Spin: -1, Label: "fuzz"}
}

// FuzzDescribe checks that Inspect and List return values within bounds and do not
// fail, whatever the control page and the slots contain.
func FuzzDescribe(f *testing.F) {
	seedEdits(f)
	o := small(proctest.Dir(f))
	o.Durable = true
	r, err := ipc.NewReceiver(context.Background(), name, o)
	require.NoError(f, err)
	s, err := ipc.NewSender(context.Background(), name, o)
	require.NoError(f, err)
	require.NoError(f, s.TrySend([]byte("hello")))
	pristine, err := os.ReadFile(path(o))
	require.NoError(f, err)
	require.NoError(f, s.Close())
	require.NoError(f, r.Close())
	f.Cleanup(func() { _ = os.Remove(path(o)) })
	f.Fuzz(func(t *testing.T, edits []byte) {
		file, err := os.OpenFile(path(o), os.O_RDWR, 0)
		require.NoError(t, err)
		defer file.Close()
		_, err = file.WriteAt(pristine[controlAt:ringAt], controlAt)
		require.NoError(t, err)
		edit(t, file, controlAt, ringAt-controlAt, edits)
		stats, err := ipc.Inspect(name, o)
		require.NoError(t, err)
		require.True(t, 0 <= stats.Used && stats.Used <= 4096, "%d", stats.Used)
		require.LessOrEqual(t, len(stats.Senders), 2)
		for _, sender := range stats.Senders {
			require.GreaterOrEqual(t, sender.BeatAge, time.Duration(0))
			require.LessOrEqual(t, len(sender.Label), 48)
			require.Equal(t, ipc.StateDead, sender.State, "no lock is held")
		}
		entries, err := ipc.List(o)
		require.NoError(t, err)
		require.Len(t, entries, 1)
		require.NoError(t, entries[0].Err)
	})
}

// FuzzAttached checks that every call returns in time, with an error or with a message
// that the ring may hold, whatever is written over the file while both endpoints are
// attached.
func FuzzAttached(f *testing.F) {
	seedEdits(f)
	for _, word := range []uint64{0, 1, 0x0001_0000_0000_0008, 0x0002_0000_0000_0ff0, 0x0003_0000_0000_0000} {
		f.Add(encodeEdit(ringAt-controlAt+8, word))
	}
	o := small(proctest.Dir(f))
	f.Fuzz(func(t *testing.T, edits []byte) {
		s, r := attach(o)
		file, err := os.OpenFile(path(o), os.O_RDWR, 0)
		require.NoError(t, err)
		defer func() {
			start := time.Now()
			_ = s.Close()
			_ = r.Close()
			require.Less(t, time.Since(start), soon)
			_ = file.Close()
			_ = os.Remove(path(o))
		}()
		require.NoError(t, s.TrySend([]byte("first")))
		_, err = s.SendBatch(context.Background(), [][]byte{[]byte("a"), []byte("b")})
		require.NoError(t, err)
		start := time.Now()
		edit(t, file, controlAt, ringAt+4096-controlAt, edits)
		touch(s, r, o)
		require.Less(t, time.Since(start), soon)
	})
}

// FuzzBatch checks that the messages of a batch's record lie within it, or that it is
// reported corrupt, whatever it contains.
func FuzzBatch(f *testing.F) {
	const body = 1024 - 8
	f.Add([]byte{})
	f.Add(binary.LittleEndian.AppendUint64(nil, body-8))
	f.Add(binary.LittleEndian.AppendUint64(nil, body-7))
	f.Add(binary.LittleEndian.AppendUint64(nil, 1<<63))
	f.Add(make([]byte, body))
	f.Add(append(binary.LittleEndian.AppendUint64(nil, 3), "abc\x00\x00\x00\x00\x00\xff\xff\xff\xff"...))
	o := small(proctest.Dir(f))
	o.Durable, o.KeepOpen = true, true
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, r := attach(o)
		defer func() {
			_ = s.Close()
			_ = r.Close()
			_ = os.Remove(path(o))
		}()
		// Two messages make a batch; together they fill a quarter of the ring.
		_, err := s.SendBatch(context.Background(), [][]byte{make([]byte, 8), make([]byte, body-8-16-8)})
		require.NoError(t, err)
		file, err := os.OpenFile(path(o), os.O_RDWR, 0)
		require.NoError(t, err)
		_, err = file.WriteAt(raw[:min(len(raw), body-8)], ringAt+16)
		require.NoError(t, err)
		require.NoError(t, file.Close())
		total := 0
		for {
			msg, err := r.TryRecv()
			if err != nil {
				var corrupt *ipc.CorruptError
				require.True(t, errors.Is(err, ipc.ErrEmpty) || errors.As(err, &corrupt), "%v", err)
				break
			}
			total += 8 + len(msg)
			require.LessOrEqual(t, total, body)
		}
	})
}
