package reference

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// The references' receivers check what they take.
func TestReferencesSeeATornRecord(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, MakeMemory("."))
	m, err := OpenMemory(".")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	now := worker.Step{For: time.Nanosecond}

	m.Tail.Store(32)
	for i := range uint64(32) {
		ringOf[[4]uint64](m)[i] = [4]uint64{i, measure.Filling(1), measure.Filling(2), measure.Filling(3)}
	}
	ringOf[[4]uint64](m)[31][3] ^= 1 << 40
	_, err = drainRecords[[4]uint64](m, now, 32)
	require.ErrorContains(t, err, "other than it was sent: 32 bytes")

	e := &claimsPart{m, worker.Step{Spec: worker.Spec{Batch: 2}}, 2, 8}
	m.Ring[1], m.Ring[2] = record{0, measure.W1, measure.W2, measure.W3, measure.W4, measure.W5, measure.W6, measure.W7}, record{1, measure.W1, measure.W2, measure.W3, measure.W4, measure.W5, measure.W6, measure.W7 ^ 1}
	m.stampOf(0).Store(1)
	_, err = e.drain(now)
	require.ErrorContains(t, err, "other than it was sent: 64 bytes")

	for _, inPlace := range []bool{false, true} {
		p, err := openPlainMemory(".", 1<<16)
		require.NoError(t, err)
		e := &plainPart{p, worker.Spec{Size: 1 << 10, InPlace: inPlace, Capacity: 1 << 16}, worker.Receiving}
		msg := measure.NewMessage(1<<10, 0)
		if inPlace {
			measure.Fill(msg, 0)
		}
		msg[1023] ^= 1
		copy(p.data, []byte{0, 4, 0, 0, 0, 0, 0, 0}) // 1024
		copy(p.data[plainHeader:], msg)
		p.Tail.Store(e.stride())
		_, err = e.drain(now)
		require.ErrorContains(t, err, "other than it was sent: 1024 bytes", "in place: %t", inPlace)
		p.data[7] = 1
		p.Head.Store(0)
		_, err = e.drain(now)
		require.ErrorIs(t, err, errTorn, "a length beyond the ring")
		require.NoError(t, e.Close())
	}
}
