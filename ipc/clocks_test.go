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

// An end whose monotonic clock is ahead or behind is looked at from here, and
// looks at this one.
func TestEndpointInAnotherTimeNamespaceHasASaneAge(t *testing.T) {
	for _, offset := range []time.Duration{24 * time.Hour, -time.Minute} {
		t.Run(offset.String(), func(t *testing.T) {
			o := in(t)
			r := newReceiver(t, o)
			p := proctest.StartTime(t, offset, "sender", encode(t, o))
			p.Expect("ready")
			require.Equal(t, "ok", p.Ask("send from another time"))
			recv(t, r, "from another time")
			proctest.Eventually(t, "the end has beaten lately", func() bool {
				end := r.Stats().Senders[0]
				return end.State == ipc.StateAlive && end.BeatAge < time.Second
			})
			proctest.Eventually(t, "it sees both ends beat", func() bool {
				return p.Ask("look") == "receiver alive, young; 1 senders alive, young"
			})
			start := time.Now()
			p.Kill()
			requireDisconnected(t, r)
			require.Less(t, time.Since(start), soon)
		})
	}
}

// look tells how the ends of the channel look from here.
func look(o *ipc.Options) string {
	of := func(end ipc.End) string {
		age := "young"
		if end.BeatAge > 2*time.Second {
			age = end.BeatAge.String()
		}
		return end.State.String() + ", " + age
	}
	s, err := ipc.Inspect(name, o)
	if err != nil || s.Receiver == nil || len(s.Senders) != 1 {
		return kind(err)
	}
	return "receiver " + of(*s.Receiver) + "; 1 senders " + of(s.Senders[0])
}

// rewriteHeader changes a field of a channel's header and sums it up again.
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

// The wall clock stands in a channel once, as the time when it was made. All else
// goes by the monotonic clock.
func TestWallClockThatJumpedDoesNotMatter(t *testing.T) {
	for what, created := range map[string]int64{
		"made in the future": time.Now().Add(1000 * time.Hour).UnixNano(),
		"made before 1970":   -1e18,
		"made at no time":    -1 << 63,
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
