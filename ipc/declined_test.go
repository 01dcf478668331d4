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

// getRegistrations is MEMBARRIER_CMD_GET_REGISTRATIONS, new in Linux 6.3.
const getRegistrations = 1 << 9

// registeredFor returns the mask of the membarrier commands that the process has
// registered for.
func registeredFor() (int, error) {
	mask, _, errno := unix.RawSyscall(unix.SYS_MEMBARRIER, getRegistrations, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(mask), nil
}

// declinedRole declines to register for membarrier and then plays another role. After
// the role "sender" it prints what the process is registered for.
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

// Each endpoint sleeps whenever a message arrives, and heartbeats are too rare to wake
// it. A process that declines fences itself and does not ask its peer to fence.
func TestProcessThatDeclinesToRegisterLosesNoWakeUp(t *testing.T) {
	if !fence.Register() {
		t.Skip("membarrier is refused here")
	}
	const trips = 3000
	for _, c := range []struct {
		name                    string
		ping, echo, echoRefused bool
	}{
		{name: "both decline", ping: true, echo: true},
		{name: "ping declines", ping: true},
		{name: "echo declines", echo: true},
		{name: "ping declines, echo is refused membarrier", ping: true, echoRefused: true},
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
			echo := start("echo", c.echo, c.echoRefused, encode(t, o))
			echo.Expect("ready")
			ping.Expect(fmt.Sprintf("%d ok", trips))
			receivers, senders := fencingAt(o, "there")
			require.Equal(t, c.echoRefused, receivers)
			require.False(t, senders, "the sender's fence reaches the receiver")
			receivers, senders = fencingAt(o, "back")
			require.False(t, receivers, "the receiver's fence reaches the sender")
			require.Equal(t, c.echoRefused, senders)
			ping.Tell("end")
			require.Zero(t, ping.Wait())
			require.Zero(t, echo.Wait())
		})
	}
}

// A sender that declines wakes the receiver, and is woken when it waits for room.
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
		t.Skip("this kernel does not report registrations")
	}
	require.Equal(t, "registered for 0, <nil>", said)
	recv(t, r, big, big, big, big)
}

// The test process does not decline.
func TestEndpointsRegister(t *testing.T) {
	if !fence.Register() {
		t.Skip("membarrier is refused here")
	}
	r := newReceiver(t, in(t))
	require.NoError(t, r.Close())
	mask, err := registeredFor()
	if err == unix.EINVAL {
		t.Skip("this kernel does not report registrations")
	}
	require.NoError(t, err)
	require.NotZero(t, mask)
}
