package longlife

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

func TestMain(m *testing.M) {
	proctest.Main(m, map[string]proctest.Role{
		"claimer": claimerRole,
		"crowd":   crowdRole,
		"flood":   floodRole,
	})
}

const channel = "long"

// long returns how often to repeat something: normally, or in the long form.
func long(normal, full int) int {
	if os.Getenv("SHMCHAN_LONG") != "" {
		return full
	}
	return normal
}

func background(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), proctest.Patience)
	t.Cleanup(cancel)
	return ctx
}

func encode(t testing.TB, o *ipc.Options) string {
	raw, err := json.Marshal(o)
	require.NoError(t, err)
	return string(raw)
}

func decode(raw string) *ipc.Options {
	o := new(ipc.Options)
	must(json.Unmarshal([]byte(raw), o))
	return o
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	must(err)
	return n
}

// numbered returns message i of a sender, with n bytes, at least 16.
func numbered(sender, i, n int) []byte {
	msg := make([]byte, n)
	binary.LittleEndian.PutUint64(msg, uint64(sender))
	binary.LittleEndian.PutUint64(msg[8:], uint64(i))
	for j := 16; j < n; j++ {
		msg[j] = byte(sender + i + j)
	}
	return msg
}

// number returns the sender and the number of a message, and fails the test unless
// the message is whole.
func number(t testing.TB, msg []byte) (sender, i int) {
	t.Helper()
	require.GreaterOrEqual(t, len(msg), 16)
	sender, i = int(binary.LittleEndian.Uint64(msg)), int(binary.LittleEndian.Uint64(msg[8:]))
	require.Equal(t, numbered(sender, i, len(msg)), msg)
	return sender, i
}
