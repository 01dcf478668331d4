package ipc_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

// Bytes read from a file that is truncated meanwhile may be zeroes. Consume takes no
// message that this may affect, wherever it is in its walk, and returns the reason.
func TestConsumeTakesNothingThatATruncationMayHaveZeroed(t *testing.T) {
	requireGuard(t)
	for how, sends := range map[string]func(t *testing.T, s *ipc.Sender){
		"one by one":              func(t *testing.T, s *ipc.Sender) { send(t, s, texts(5)...) },
		"in a batch":              func(t *testing.T, s *ipc.Sender) { sendBatch(t, s, 5) },
		"a message, then a batch": func(t *testing.T, s *ipc.Sender) { send(t, s, "b0"); sendBatch(t, s, 4) },
	} {
		for at := range 5 {
			o := in(t)
			s, r := newPairOnce(t, o)
			sends(t, s)
			calls := 0
			n, err := r.Consume(background(t), 0, func(msg []byte) error {
				if calls == at {
					require.NoError(t, os.Truncate(path(o), 0))
					require.Zero(t, msg[0], "want zeroes from the truncated page")
				}
				calls++
				return nil
			})
			var corrupt *ipc.CorruptError
			require.ErrorAs(t, err, &corrupt, "%s, at %d", how, at)
			require.Equal(t, "file size", corrupt.Field)
			require.Equal(t, at, n, "%s: messages taken", how)
			require.Equal(t, at+1, calls, "%s: messages passed to the function", how)
			longer, err := r.RecvAppend(background(t), []byte("unchanged"))
			require.ErrorAs(t, err, &corrupt)
			require.Equal(t, "unchanged", string(longer))
			require.NoError(t, s.Close())
			_ = r.Close()
			_ = os.Remove(path(o))
		}
	}
}

// RecvAppend returns no message from a file that was truncated before, even if it
// learned of the message before the truncation.
func TestRecvAppendReturnsNothingThatATruncationMayHaveZeroed(t *testing.T) {
	requireGuard(t)
	for _, taken := range []int{0, 1} { // messages of the batch
		o := in(t)
		s, r := newPairOnce(t, o)
		sendBatch(t, s, 4)
		for range taken {
			_, err := r.RecvAppend(background(t), nil)
			require.NoError(t, err)
		}
		require.NoError(t, os.Truncate(path(o), 0))
		longer, err := r.RecvAppend(background(t), []byte("unchanged"))
		var corrupt *ipc.CorruptError
		require.ErrorAs(t, err, &corrupt, "%d taken", taken)
		require.Equal(t, "unchanged", string(longer))
		require.NoError(t, s.Close())
		_ = r.Close()
		_ = os.Remove(path(o))
	}
}

// Close, called in Consume's function, stops Consume after the current message, which
// is taken.
func TestCloseWithinConsumeEndsIt(t *testing.T) {
	for how, sends := range map[string]func(t *testing.T, s *ipc.Sender){
		"one by one": func(t *testing.T, s *ipc.Sender) { send(t, s, texts(5)...) },
		"in a batch": func(t *testing.T, s *ipc.Sender) { sendBatch(t, s, 5) },
	} {
		for at := range 5 {
			o := in(t)
			o.Durable = true
			s, r := newPairOnce(t, o)
			sends(t, s)
			calls := 0
			n, err := r.Consume(background(t), 0, func([]byte) error {
				if calls == at {
					require.NoError(t, r.Close())
				}
				calls++
				return nil
			})
			require.NoError(t, err)
			require.Equal(t, at+1, n, how)
			require.Equal(t, at+1, calls, how)
			next, err := ipc.NewReceiver(background(t), name, o)
			require.NoError(t, err)
			for i := at + 1; i < 5; i++ {
				recv(t, next, numbered("b", i))
			}
			requireEmpty(t, next)
			require.NoError(t, next.Close())
			require.NoError(t, s.Close())
			require.NoError(t, ipc.Remove(name, o))
		}
	}
}

func sendBatch(t *testing.T, s *ipc.Sender, n int) {
	t.Helper()
	sent, err := s.SendBatch(background(t), batch("b", n))
	require.NoError(t, err)
	require.Equal(t, n, sent)
}

func texts(n int) (all []string) {
	for _, msg := range batch("b", n) {
		all = append(all, string(msg))
	}
	return all
}
