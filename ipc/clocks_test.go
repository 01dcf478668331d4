package ipc_test

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// An endpoint whose monotonic clock is ahead or behind is inspected from this process,
// and inspects this one.
func TestEndpointInAnotherTimeNamespaceHasASaneAge(t *testing.T) {
	for _, offset := range []time.Duration{24 * time.Hour, -time.Minute} {
		t.Run(offset.String(), func(t *testing.T) {
			o := in(t)
			r := newReceiver(t, o)
			p := proctest.StartTime(t, offset, "sender", encode(t, o))
			p.Expect("ready")
			require.Equal(t, "ok", p.Ask("send from another time"))
			recv(t, r, "from another time")
			proctest.Eventually(t, "the sender has a recent beat", func() bool {
				sender := r.Stats().Senders[0]
				return sender.State == ipc.StateAlive && sender.BeatAge < time.Second
			})
			proctest.Eventually(t, "the sender sees both endpoints beat", func() bool {
				return p.Ask("look") == "receiver alive, young; 1 senders alive, young"
			})
			start := time.Now()
			p.Kill()
			requireDisconnected(t, r)
			require.Less(t, time.Since(start), soon)
		})
	}
}

// look describes the channel's endpoints as Inspect sees them in this process.
func look(o *ipc.Options) string {
	describe := func(e ipc.End) string {
		age := "young"
		if e.BeatAge > 2*time.Second {
			age = e.BeatAge.String()
		}
		return e.State.String() + ", " + age
	}
	s, err := ipc.Inspect(name, o)
	if err != nil || s.Receiver == nil || len(s.Senders) != 1 {
		return kind(err)
	}
	return "receiver " + describe(*s.Receiver) + "; 1 senders " + describe(s.Senders[0])
}

// rewriteHeader changes a field of a channel's header and updates the checksum.
func rewriteHeader(t testing.TB, o *ipc.Options, change func(header []byte)) {
	t.Helper()
	f, err := os.OpenFile(path(o), os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	header := make([]byte, 0x64)
	_, err = f.ReadAt(header, 0)
	require.NoError(t, err)
	change(header)
	binary.LittleEndian.PutUint32(header[0x60:], crc32.Checksum(header[:0x60], crc32.MakeTable(crc32.Castagnoli)))
	_, err = f.WriteAt(header, 0)
	require.NoError(t, err)
}

// A channel holds one wall clock time, that of its creation. All other times are
// monotonic.
func TestWallClockThatJumpedDoesNotMatter(t *testing.T) {
	for what, created := range map[string]int64{
		"created in the future": time.Now().Add(1000 * time.Hour).UnixNano(),
		"created before 1970":   -1e18,
		"smallest time":         -1 << 63,
	} {
		t.Run(what, func(t *testing.T) {
			o := in(t)
			o.Heartbeat = slow
			r, err := ipc.NewReceiver(background(t), name, with(o, func(o *ipc.Options) { o.Durable = true }))
			require.NoError(t, err)
			require.NoError(t, r.Close())
			rewriteHeader(t, o, func(h []byte) { binary.LittleEndian.PutUint64(h[0x48:], uint64(created)) })
			t.Cleanup(func() { remove(t, o) })
			s, r := newPair(t, o)
			send(t, s, "whenever")
			recv(t, r, "whenever")
			stats, err := ipc.Inspect(name, o)
			require.NoError(t, err)
			require.Equal(t, created, stats.Created.UnixNano())
			require.Equal(t, ipc.StateAlive, stats.Senders[0].State)
		})
	}
}
