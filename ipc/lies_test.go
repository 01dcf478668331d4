package ipc_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

func TestImpossibleLengthOrKindIsCorruption(t *testing.T) {
	for what, c := range map[string]struct {
		meta   uint64
		offset int64
		field  string
		value  uint64
	}{
		"longer than the ring":         {1<<48 | 4096, ringAt + 8, "record.length", 4096},
		"maximum length":               {1<<48 | 0xffffffff, ringAt + 8, "record.length", 0xffffffff},
		"longer than MaxMessage":       {1<<48 | 2049, ringAt + 8, "record.length", 2049},
		"batch longer than MaxMessage": {2<<48 | 2049, ringAt + 8, "record.length", 2049},
		"empty batch":                  {2 << 48, ringAt + 16, "batch.length", 0},
		"unknown kind":                 {9<<48 | 5, ringAt + 14, "record.kind", 9},
		"unknown flag":                 {1<<56 | 1<<48 | 5, ringAt + 14, "record.kind", 0x101},
	} {
		t.Run(what, func(t *testing.T) {
			o := small(in(t).Dir)
			s, r := newPair(t, o)
			send(t, s, "hello")
			writeWord(t, o, ringAt+8, c.meta)
			for range 2 { // every call returns the error
				msg, err := r.Recv(background(t))
				require.Empty(t, msg)
				requireCorrupt(t, err, c.offset, c.value, c.field)
			}
		})
	}
}

func TestImpossiblePositionIsCorruption(t *testing.T) {
	const tailAt, headAt = controlAt, controlAt + 0x80
	for what, c := range map[string]struct {
		offset int64
		value  uint64
	}{
		"tail beyond the ring": {tailAt, 8192},
		"tail far ahead":       {tailAt, 1 << 60},
		"tail below head":      {tailAt, ^uint64(0) - 7},
		"unaligned tail":       {tailAt, 1001},
	} {
		t.Run(what, func(t *testing.T) {
			o := small(in(t).Dir)
			s, r := newPair(t, o)
			writeWord(t, o, c.offset, c.value)
			requireCorrupt(t, s.TrySend([]byte("x")), c.offset, c.value, "tail")
			_, err := r.Recv(background(t))
			requireCorrupt(t, err, c.offset, c.value, "tail")
			requireCorrupt(t, s.Send(background(t), []byte("x")), c.offset, c.value, "tail")
			writeWord(t, o, c.offset, 0) // a repaired ring works again
			send(t, s, "y")
			recv(t, r, "y")
		})
	}
	t.Run("unaligned head", func(t *testing.T) {
		o := small(in(t).Dir)
		s := newSender(t, creating(o))
		writeWord(t, o, headAt, 13)
		_, err := ipc.NewReceiver(background(t), name, o)
		requireCorrupt(t, err, headAt, 13, "head")
		writeWord(t, o, headAt, 0)
		send(t, s, "y")
		recv(t, newReceiver(t, o), "y")
	})
}

// meanwhile runs fn repeatedly on the mapped file until the test ends.
func meanwhile(t testing.TB, o *ipc.Options, fn func(mem []byte)) {
	t.Helper()
	mem, unmap, err := mapChannel(path(o))
	require.NoError(t, err)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for !over(stop) {
			fn(mem)
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-done
		unmap()
	})
}

// within fails the test if fn takes longer than soon.
func within(t testing.TB, what string, fn func()) {
	t.Helper()
	start := time.Now()
	fn()
	require.Less(t, time.Since(start), soon, what)
}

func TestConstantlyMovingTailHangsNoCall(t *testing.T) {
	for _, step := range []uint64{8, 1 << 19, 1 << 40} {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			o := in(t)
			o.Heartbeat = quick
			s, r := newPair(t, o)
			meanwhile(t, o, func(mem []byte) {
				tail := wordOf(mem, controlAt)
				for i := range uint64(1000) {
					tail.Store(i % 3 * step)
				}
			})
			msgs := [][]byte{noise(1, 1000), noise(2, 1000)}
			for range 30 {
				within(t, "TrySend", func() { _ = s.TrySend(msgs[0]) })
				within(t, "Send", func() { _ = s.Send(brief(t), msgs[0]) })
				within(t, "SendBatch", func() { _, _ = s.SendBatch(brief(t), msgs) })
				within(t, "Flush", func() { _ = s.Flush(brief(t)) })
				within(t, "TryRecv", func() { _, _ = r.TryRecv() })
				within(t, "Recv", func() { _, _ = r.Recv(brief(t)) })
				within(t, "Consume", func() {
					_, _ = r.Consume(brief(t), 0, func([]byte) error { return nil })
				})
			}
		})
	}
}

func TestConstantlyChangingDoorbellsHangNoCall(t *testing.T) {
	o := small(in(t).Dir)
	s, r := newPair(t, o)
	meanwhile(t, o, func(mem []byte) {
		for _, off := range []int{controlAt + 0x100, controlAt + 0x180} {
			bell := wordOf(mem, off)
			bell.Store((bell.Load() + 1<<32 + 1<<8) ^ 1)
		}
	})
	for range 10 {
		within(t, "Recv", func() { _, _ = r.Recv(brief(t)) })
		fill(t, s, make([]byte, 1000))
		within(t, "Send", func() { require.ErrorIs(t, s.Send(brief(t), make([]byte, 1000)), context.DeadlineExceeded) })
		within(t, "Drain", func() {
			for msg, err := range r.Drain() {
				require.NoError(t, err)
				require.Len(t, msg, 1000)
			}
		})
	}
}

// A peer commits padding, or aborts claims, as fast as the receiver skips them.
func TestEndlessPaddingHangsNoCall(t *testing.T) {
	o := small(in(t).Dir)
	_, r := newPair(t, o)
	meanwhile(t, o, func(mem []byte) {
		nonce := wordOf(mem, 0x40).Load()
		tail, head := wordOf(mem, controlAt), wordOf(mem, controlAt+0x80)
		for pos := head.Load(); pos < head.Load()+4096; pos += 16 {
			wordOf(mem, ringAt+int((pos+8)%4096)).Store(3 << 48)
			wordOf(mem, ringAt+int(pos%4096)).Store(nonce + pos + 1)
			tail.Store(pos + 16)
		}
	})
	for range 20 {
		within(t, "TryRecv", func() { _, _ = r.TryRecv() })
		within(t, "Recv", func() { _, _ = r.Recv(brief(t)) })
		within(t, "Next", func() { _, _ = r.Next(brief(t)) })
	}
}

func TestFalseCountersCostNothing(t *testing.T) {
	o := small(in(t).Dir)
	s, r := newPair(t, o)
	for _, off := range []int64{0x280, 0x288, 0x290, 0x298, 0x2a0, 0x200, 0x208, 0x218, 0x220, 0x228, 0x230} {
		writeWord(t, o, controlAt+off, ^uint64(0)>>1)
	}
	for _, off := range []int64{0x08, 0x10, 0x80, 0x88, 0x90, 0xa0, 0xa8, 0xb0, 0xb8, 0xc0, 0xd0} {
		writeWord(t, o, slotsAt+off, ^uint64(0))
		writeWord(t, o, slotsAt+256+off, ^uint64(0))
	}
	within(t, "everything", func() {
		for i := range 100 {
			send(t, s, numbered("s", i))
			recv(t, r, numbered("s", i))
		}
		require.LessOrEqual(t, len(r.Deaths()), 64)
		stats := r.Stats()
		require.Equal(t, "?", stats.Receiver.Label)
		require.Zero(t, stats.Used)
	})
}
