package ipc_test

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// peek returns the messages that Peek yields, and their Meta.
func peek(t testing.TB, o *ipc.Options) (msgs []string, metas []ipc.Meta) {
	t.Helper()
	for m, err := range ipc.Peek(name, o) {
		require.NoError(t, err)
		msgs, metas = append(msgs, string(m.Data)), append(metas, m.Meta)
	}
	return msgs, metas
}

// peekError returns the last error that Peek yields.
func peekError(o *ipc.Options) (err error) {
	for _, err = range ipc.Peek(name, o) {
	}
	return err
}

func TestPeekShowsWhatAReceiverWouldGet(t *testing.T) {
	o := in(t)
	s, r := newPair(t, o)
	msgs, _ := peek(t, o)
	require.Empty(t, msgs)

	send(t, s, "gone", "one", "")
	_, err := s.SendBatch(background(t), [][]byte{[]byte("two"), noise(1, 3000), []byte("three")})
	require.NoError(t, err)
	recv(t, r, "gone")
	want := []string{"one", "", "two", string(noise(1, 3000)), "three"}
	for range 2 {
		msgs, metas := peek(t, o)
		require.Equal(t, want, msgs)
		for i, m := range metas {
			require.EqualValues(t, 2+i, m.Seq)
			require.Equal(t, os.Getpid(), m.PID)
			require.Zero(t, m.Slot)
		}
		require.Equal(t, 2, metas[4].Index)
	}
	var metas []ipc.Meta
	for range want {
		_, err := r.Recv(background(t))
		require.NoError(t, err)
		metas = append(metas, r.Meta())
	}
	require.EqualValues(t, 2, metas[0].Seq, "Recv and Peek agree")
	msgs, _ = peek(t, o)
	require.Empty(t, msgs)
}

func TestPeekChangesNoByteAndPassesDeadSendersClaims(t *testing.T) {
	o := in(t)
	o.Durable, o.Capacity = true, 4096
	require.NoError(t, ipc.Create(name, o))
	p := startSender(t, o)
	require.Equal(t, "ok", p.Ask("send before"))
	require.Equal(t, "ok", p.Ask("claim torn"))
	s := newSender(t, o)
	send(t, s, "behind")
	msgs, _ := peek(t, o)
	require.Equal(t, []string{"before"}, msgs, "the claim's sender is alive")
	p.Kill()
	require.NoError(t, s.Close())

	raw, mode, modified := fingerprint(t, o)
	for range 3 {
		msgs, _ := peek(t, o)
		require.Equal(t, []string{"before", "behind"}, msgs)
	}
	rawAfter, modeAfter, modifiedAfter := fingerprint(t, o)
	require.True(t, raw == rawAfter, "bytes changed")
	require.Equal(t, mode, modeAfter)
	require.Equal(t, modified, modifiedAfter)
	remove(t, o)
}

func TestPeekStopsAtAClaimInFlight(t *testing.T) {
	o := in(t)
	s, _ := newPair(t, o)
	other := newSender(t, o)
	send(t, s, "a")
	c, err := s.Claim(background(t), 1)
	require.NoError(t, err)
	send(t, other, "c")
	msgs, _ := peek(t, o)
	require.Equal(t, []string{"a"}, msgs)
	c.Bytes()[0] = 'b'
	require.NoError(t, c.Commit())
	msgs, _ = peek(t, o)
	require.Equal(t, []string{"a", "b", "c"}, msgs)
}

func TestPeekAttachesNowhere(t *testing.T) {
	o := in(t)
	o.MaxSenders = 1
	s, r := newPair(t, o) // the receiver lock and the only slot are taken
	send(t, s, "unread")
	for range ipc.Peek(name, o) {
		stats := r.Stats()
		require.Len(t, stats.Senders, 1)
	}
	recv(t, r, "unread")
	require.NoError(t, s.Close())
	requireDisconnected(t, r)
}

func TestPeekShowsWhatAKilledReceiverLeft(t *testing.T) {
	o := in(t)
	p := startReceiver(t, o)
	s := newSender(t, o)
	send(t, s, "unread")
	p.Kill()
	msgs, _ := peek(t, o)
	require.Equal(t, []string{"unread"}, msgs)
	require.NoError(t, s.Close())
	remove(t, o)
}

func TestPeekOfAMissingChannelIsNotExist(t *testing.T) {
	o := in(t)
	err := peekError(o)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "peek "+name)
	entries, err := os.ReadDir(o.Dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestPeekOfABusyChannelShowsWholeMessagesInOrder(t *testing.T) {
	const each = 5000
	o := in(t)
	o.Capacity = 8192
	r := newReceiver(t, o)
	var senders []*proctest.Proc
	for range 2 {
		p := startSender(t, o)
		p.Tell("many " + fmt.Sprint(each))
		senders = append(senders, p)
	}
	shown := 0
	for n := range 2 * each {
		_, err := r.Recv(background(t))
		require.NoError(t, err)
		if n%100 != 0 {
			continue
		}
		newest := map[string]int{}
		var seq uint64
		for m, err := range ipc.Peek(name, o) {
			require.NoError(t, err)
			sender, rest, _ := strings.Cut(string(m.Data), "-")
			i := -1
			_, err := fmt.Sscanf(rest, "%d-", &i)
			require.NoError(t, err)
			require.Equal(t, numbered(sender, i), string(m.Data))
			if before, ok := newest[sender]; ok {
				require.Equal(t, before+1, i)
			}
			newest[sender] = i
			require.Greater(t, m.Seq, seq)
			seq = m.Seq
			shown++
		}
	}
	for _, p := range senders {
		require.Equal(t, "ok", p.Line())
	}
	require.Positive(t, shown)
}

func TestPeekOfDamageIsAnError(t *testing.T) {
	for what, tt := range map[string]struct {
		damage func(file string) error
		want   string
	}{
		"not a channel":     {func(file string) error { return os.WriteFile(file, []byte("no channel"), 0o600) }, "incompatible"},
		"changed header":    {func(file string) error { return scribble(file, 20, 0xff) }, "corrupt"},
		"impossible tail":   {func(file string) error { return scribble(file, 4096+7, 0x7f) }, "corrupt"},
		"impossible record": {func(file string) error { return scribble(file, 12288+15, 9) }, "corrupt"},
		"truncated file":    {func(file string) error { return os.Truncate(file, 12288) }, "corrupt"},
	} {
		t.Run(what, func(t *testing.T) {
			o := in(t)
			o.Durable, o.MaxSenders, o.Capacity = true, 1, 4096
			s, r := newPairOnce(t, o)
			send(t, s, "a")
			require.NoError(t, s.Close())
			require.NoError(t, r.Close())
			defer os.Remove(path(o))
			require.NoError(t, tt.damage(path(o)))
			require.Equal(t, tt.want, kind(peekError(o)))
		})
	}
}

// scribble overwrites one byte.
func scribble(file string, at int64, b byte) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt([]byte{b}, at)
	return err
}

func TestPeekMayEndEarly(t *testing.T) {
	o := in(t)
	s, _ := newPair(t, o)
	send(t, s, "a", "b")
	for m, err := range ipc.Peek(name, o) {
		require.NoError(t, err)
		require.Equal(t, "a", string(m.Data))
		break
	}
}
