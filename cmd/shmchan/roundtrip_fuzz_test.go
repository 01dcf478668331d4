package main

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/frame"
	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// FuzzRoundTrip sends messages through `recv --frame F | send --frame F` for each frame.
// They arrive unchanged, or recv refuses one, which is then the first message left in the
// channel. peek shows the same before.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("one,two,,three"), byte(','))
	f.Add([]byte("a\nb\x00c\xff\xfe,\r\n,\n"), byte(','))
	f.Add([]byte("\x00\x00\x00\x05four"), byte('x'))
	f.Add([]byte(`{"data":"\u0000"},"`), byte(','))
	f.Add([]byte("žluť\u2028\u0085|\xed\xa0\x80|\x00"), byte('|'))
	f.Add([]byte{}, byte(0))
	dir := proctest.Dir(f)
	f.Fuzz(func(t *testing.T, data []byte, cut byte) {
		messages := bytes.Split(data[:min(len(data), 2000)], []byte{cut})
		messages = messages[:min(len(messages), 40)] // what fits into the channel
		for _, name := range frame.Names() {
			kind, err := frame.Parse(name)
			require.NoError(t, err)
			roundTrip(t, dir, kind, messages)
		}
	})
}

func roundTrip(t *testing.T, dir string, kind frame.Kind, messages [][]byte) {
	t.Helper()
	o := &ipc.Options{Dir: dir, Capacity: 32 << 10, MaxSenders: 1, Durable: true, Create: true}
	s, err := ipc.NewSender(context.Background(), "from", o)
	require.NoError(t, err)
	n, err := s.SendBatch(context.Background(), messages)
	require.NoError(t, err)
	require.Equal(t, len(messages), n)
	require.NoError(t, s.Close())
	defer func() { require.NoError(t, ipc.ForceRemove("from", o)) }()

	call := func(stdin []byte, args ...string) (status int, stdout []byte) {
		var out, errs bytes.Buffer
		status = run(context.Background(), append([]string{"--dir", dir}, args...), bytes.NewReader(stdin), &out, &errs)
		return status, out.Bytes()
	}
	shown, peeked := call(nil, "peek", "from", "--frame", kind.String())
	status, stream := call(nil, "recv", "from", "--frame", kind.String(), "--try")
	require.Equal(t, status, shown)
	require.Equal(t, stream, peeked)
	taken := messages
	switch status {
	case exitOK:
	case exitUnfit:
		left := content(t, "from", o)
		require.NotEmpty(t, left)
		require.Equal(t, messages[len(messages)-len(left):], left)
		_, err := kind.Append(nil, left[0], &frame.Origin{})
		require.ErrorIs(t, err, frame.ErrFrame, "a message that fits was refused")
		taken = messages[:len(messages)-len(left)]
	default:
		t.Fatalf("recv --frame %s: status %d", kind, status)
	}

	status, _ = call(stream, "send", "to", "--frame", kind.String(), "--create", "--durable", "--capacity", "64K")
	require.Equal(t, exitOK, status)
	defer func() { require.NoError(t, ipc.ForceRemove("to", o)) }()
	got := content(t, "to", o)
	if kind == frame.Raw { // the whole stream is one message
		taken = [][]byte{bytes.Join(taken, nil)}
	}
	require.Equal(t, len(taken), len(got))
	for i := range taken {
		require.Equal(t, string(taken[i]), string(got[i]))
	}
}

func content(t *testing.T, name string, o *ipc.Options) (messages [][]byte) {
	t.Helper()
	for m, err := range ipc.Peek(name, o) {
		require.NoError(t, err)
		messages = append(messages, m.Data)
	}
	return messages
}
