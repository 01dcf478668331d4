package ipc_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/internal/test/proctest"
)

// registrations asks the kernel what the process has registered for: since 6.3.
const registrations = 1 << 9

// registeredFor returns a mask of commands of membarrier.
func registeredFor() (int, error) {
	mask, _, errno := unix.RawSyscall(unix.SYS_MEMBARRIER, registrations, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(mask), nil
}

// declinedRole declines to register for membarrier and then plays another role. Once
// a sender has ended, it says what it is registered for.
func declinedRole(args []string) int {
	fence.Decline()
	var status int
	switch rest := args[1:]; args[0] {
	case "sender":
		status = senderRole(rest)
	case "echo":
		return echoRole(rest)
	case "ping":
		return pingRole(rest)
	default:
		return 2
	}
	mask, err := registeredFor()
	proctest.Say("registered for %d, %v", mask, err)
	return status
}

func startDeclined(t testing.TB, role string, args ...string) *proctest.Proc {
	t.Helper()
	return proctest.Start(t, "declined", append([]string{role}, args...)...)
}

// Each end of each channel is asleep whenever a message comes, and heartbeats are too
// rare to help. A process that declines fences by itself, and asks nobody else to.
func TestProcessThatDeclinesToRegisterLosesNoWakeUp(t *testing.T) {
	if !fence.Register() {
		t.Skip("membarrier is refused here")
	}
	const trips = 3000
	for _, c := range []struct {
		name                   string
		ping, echo, echoLosing bool
	}{
		{name: "both decline", ping: true, echo: true},
		{name: "one declines", ping: true},
		{name: "the other declines", echo: true},
		{name: "one declines, and the other is refused it", ping: true, echoLosing: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := in(t)
			o.Heartbeat, o.Spin = slow, -1
			start := func(role string, declines, refused bool, args ...string) *proctest.Proc {
				switch {
				case declines:
					return startDeclined(t, role, args...)
				case refused:
					return startConfined(t, "membarrier", unix.EPERM, role, args...)
				}
				return proctest.Start(t, role, args...)
			}
			ping := start("ping", c.ping, false, encode(t, o), strconv.Itoa(trips))
			ping.Expect("ready")
			echo := start("echo", c.echo, c.echoLosing, encode(t, o))
			echo.Expect("ready")
			ping.Expect(fmt.Sprintf("%d ok", trips))
			receivers, senders := fencingAt(o, "there")
			require.Equal(t, c.echoLosing, receivers)
			require.False(t, senders, "its sender reaches the receiver")
			receivers, senders = fencingAt(o, "back")
			require.False(t, receivers, "its receiver reaches the sender")
			require.Equal(t, c.echoLosing, senders)
			ping.Tell("end")
			require.Zero(t, ping.Wait())
			require.Zero(t, echo.Wait())
		})
	}
}

// A sender that declines is woken as it waits for room, and wakes the receiver.
func TestSenderThatDeclinesToRegisterIsWokenForRoom(t *testing.T) {
	if !fence.Register() {
		t.Skip("membarrier is refused here")
	}
	o := in(t)
	o.Capacity, o.Heartbeat, o.Spin = 4096, slow, -1
	r := newReceiver(t, o)
	s := startDeclined(t, "sender", encode(t, o))
	s.Expect("ready")
	big := strings.Repeat("x", 1000)
	require.Equal(t, "4 full", s.Ask("fill %s", big))
	for range 300 {
		s.Tell("block-send " + big)
		s.Expect("blocking")
		recv(t, r, big)
		s.Expect("sent ok")
	}
	receivers, senders := fencing(o)
	require.False(t, receivers)
	require.False(t, senders)
	s.Tell("exit")
	said := s.Line()
	require.Zero(t, s.Wait())
	if strings.HasSuffix(said, unix.EINVAL.Error()) {
		t.Skip("this kernel does not tell what a process is registered for")
	}
	require.Equal(t, "registered for 0, <nil>", said)
	recv(t, r, big, big, big, big)
}

// The process of a test is one that registers.
func TestEndpointsRegister(t *testing.T) {
	if !fence.Register() {
		t.Skip("membarrier is refused here")
	}
	r := newReceiver(t, in(t))
	require.NoError(t, r.Close())
	mask, err := registeredFor()
	if err == unix.EINVAL {
		t.Skip("this kernel does not tell what a process is registered for")
	}
	require.NoError(t, err)
	require.NotZero(t, mask)
}
