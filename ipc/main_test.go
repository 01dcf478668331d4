package ipc_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/busguard"
	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

func TestMain(m *testing.M) {
	proctest.Main(m, map[string]proctest.Role{
		"receiver":           receiverRole,
		"sender":             senderRole,
		"victim":             victimRole,
		"dumper":             dumperRole,
		"reopener":           reopenerRole,
		"crowded":            crowdedRole,
		"holed":              holedRole,
		"limited":            limitedRole,
		"btrfs":              btrfsRole,
		"truncated":          truncatedRole,
		"flood":              floodRole,
		"echo":               echoRole,
		"line":               lineRole,
		"scribbler":          scribblerRole,
		"scribbled-receiver": scribbledReceiverRole,
		"confined":           confinedRole,
		"refused-later":      refusedLaterRole,
		"ping":               pingRole,
		"walker":             walkerRole,
		"waits":              waitsRole,
		"stranger":           strangerRole,
		"manager":            managerRole,
		"placed":             placedRole,
		"scarce":             scarceRole,
		"scant":              scantRole,
		"read-only":          readOnlyRole,
		"scribbled-sender":   scribbledSenderRole,
		"helpless":           helplessRole,
		"cramped":            crampedRole,
		"remounted":          remountedRole,
		"container":          containerRole,
		"crowd":              crowdRole,
		"spreader":           spreaderRole,
		"idler":              idlerRole,
		"joiner":             joinerRole,
		"deaf":               deafRole,
		"declined":           declinedRole,
	})
}

const (
	name = "ch" // of the channel, where a test needs only one

	// slow is a heartbeat so long that no heartbeat can end a test's wait: a lost
	// wake-up shows as an expired deadline.
	slow = time.Minute
	// soon bounds what must happen "at once" on a busy machine. It is far below slow.
	soon = 10 * time.Second
)

// background returns a context that expires when the test has waited too long.
func background(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), proctest.Patience)
	t.Cleanup(cancel)
	return ctx
}

// expired returns a context whose deadline has passed.
func expired(t testing.TB) context.Context {
	ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	t.Cleanup(cancel)
	return ctx
}

// brief returns a context for waits that are meant to time out.
func brief(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// in returns options for channels in a directory of the test's own.
func in(t testing.TB) *ipc.Options {
	return &ipc.Options{Dir: proctest.Dir(t)}
}

// with returns a copy of o with change applied.
func with(o *ipc.Options, change func(*ipc.Options)) *ipc.Options {
	c := *o
	change(&c)
	return &c
}

func path(o *ipc.Options) string { return filepath.Join(o.Dir, name) }

// newReceiver attaches the channel's receiver and closes it when the test ends.
func newReceiver(t testing.TB, o *ipc.Options) *ipc.Receiver {
	t.Helper()
	r, err := ipc.NewReceiver(background(t), name, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// newSender attaches a sender and closes it when the test ends.
func newSender(t testing.TB, o *ipc.Options) *ipc.Sender {
	t.Helper()
	s, err := ipc.NewSender(background(t), name, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// newPair creates a channel with both endpoints in this process.
func newPair(t testing.TB, o *ipc.Options) (*ipc.Sender, *ipc.Receiver) {
	t.Helper()
	r := newReceiver(t, o)
	return newSender(t, o), r
}

// newPairOnce is newPair for a test that creates a channel several times.
func newPairOnce(t testing.TB, o *ipc.Options) (*ipc.Sender, *ipc.Receiver) {
	t.Helper()
	r, err := ipc.NewReceiver(background(t), name, o)
	require.NoError(t, err)
	s, err := ipc.NewSender(background(t), name, o)
	require.NoError(t, err)
	return s, r
}

// send sends messages, for which there must be room.
func send(t testing.TB, s *ipc.Sender, msgs ...string) {
	t.Helper()
	for _, m := range msgs {
		require.NoError(t, s.TrySend([]byte(m)))
	}
}

// recv receives the messages that must come next.
func recv(t testing.TB, r *ipc.Receiver, want ...string) {
	t.Helper()
	for _, w := range want {
		got, err := r.Recv(background(t))
		require.NoError(t, err)
		require.Equal(t, w, string(got))
	}
}

// requireEmpty checks that there is no message and the channel is not disconnected.
func requireEmpty(t testing.TB, r *ipc.Receiver) {
	t.Helper()
	msg, err := r.TryRecv()
	require.ErrorIs(t, err, ipc.ErrEmpty, "message %q", msg)
}

// requireDisconnected checks that every message was received and no sender is left.
func requireDisconnected(t testing.TB, r *ipc.Receiver) {
	t.Helper()
	msg, err := r.Recv(background(t))
	require.ErrorIs(t, err, ipc.ErrDisconnected, "message %q", msg)
}

// fill sends equal messages until the ring is full and returns how many fit.
func fill(t testing.TB, s *ipc.Sender, msg []byte) int {
	t.Helper()
	for n := 0; ; n++ {
		if err := s.TrySend(msg); err != nil {
			require.ErrorIs(t, err, ipc.ErrFull)
			return n
		}
	}
}

// async runs fn in a goroutine. Its result must be taken from the channel
// before the test ends.
func async[T any](fn func() T) <-chan T {
	c := make(chan T, 1)
	go func() { c <- fn() }()
	return c
}

// await returns the result of an async call, or fails the test if it does not return.
func await[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(proctest.Patience):
		t.Fatal("the call did not return")
	}
	panic("unreachable")
}

// awaitSoon is await for a call that must have been woken at once.
func awaitSoon[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	start := time.Now()
	v := await(t, c)
	require.Less(t, time.Since(start), soon, "woken late")
	return v
}

// numbered returns a sender's i-th message. Sizes vary; the bytes identify the sender
// and i.
func numbered(sender string, i int) string {
	msg := fmt.Sprintf("%s-%d-", sender, i)
	for n := i % 61; n > 0; n-- {
		msg += string(rune('a' + (i+n)%26))
	}
	return msg
}

// remove removes a channel that outlives its endpoints by design.
func remove(t testing.TB, o *ipc.Options) {
	t.Helper()
	require.NoError(t, ipc.Remove(name, o))
	require.NoFileExists(t, path(o))
}

// requireGuard skips the test where a truncation crashes the program.
func requireGuard(t testing.TB) {
	t.Helper()
	if !busguard.Supported {
		t.Skipf("there is no guard against truncation on %s", runtime.GOARCH)
	}
}

func requireRoot(t testing.TB) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to create files that belong to another user")
	}
}
