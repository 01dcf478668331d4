package ipc_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// confinedRole installs a seccomp filter that refuses it a system call and then plays
// another role. Its arguments are the call, the errno, the role and the role's
// arguments.
func confinedRole(args []string) int {
	errno, err := strconv.Atoi(args[1])
	if err != nil {
		panic(err)
	}
	if err := proctest.Refuse(args[0], uint32(errno)); err != nil {
		proctest.Say("no filter: %v", err)
		return 0
	}
	proctest.Say("confined")
	switch rest := args[3:]; args[2] {
	case "receiver":
		return receiverRole(rest)
	case "sender":
		return senderRole(rest)
	case "echo":
		return echoRole(rest)
	case "ping":
		return pingRole(rest)
	case "sleepers":
		return sleepersRole(rest)
	case "walker":
		return walkerRole(rest)
	}
	return 2
}

// startConfined starts a role to which the kernel refuses a system call.
func startConfined(t testing.TB, call string, errno syscall.Errno, role string, args ...string) *proctest.Proc {
	t.Helper()
	p := proctest.Start(t, "confined", append([]string{call, strconv.Itoa(int(errno)), role}, args...)...)
	if said := p.Line(); said != "confined" {
		t.Skip(said)
	}
	return p
}

// pingRole sends on "there" and waits for the same message on "back", as many times
// as the second argument says.
func pingRole(args []string) int {
	o, ctx := decode(args), context.Background()
	n, _ := strconv.Atoi(args[1])
	back, err := ipc.NewReceiver(ctx, "back", o)
	if err != nil {
		proctest.Say("%v", err)
		return 1
	}
	proctest.Say("ready")
	there, err := ipc.NewSender(ctx, "there", with(o, func(o *ipc.Options) { o.Wait = true }))
	for i := 0; i < n && err == nil; i++ {
		if err = there.Send(ctx, []byte(numbered("ping", i))); err != nil {
			break
		}
		var msg []byte
		if msg, err = back.Recv(ctx); err == nil && string(msg) != numbered("ping", i) {
			err = fmt.Errorf("got %q", msg)
		}
	}
	proctest.Say("%d %s", n, kind(err))
	proctest.Hear()
	if err == nil {
		_ = there.Close()
	}
	_ = back.Close()
	return 0
}

// fenceBit is the bit of a doorbell that tells publishers to fence.
const fenceBit = 1 << 2

// Each endpoint sleeps whenever a message arrives, and heartbeats are too rare to wake
// it: a lost wake-up would hang the test.
func TestWithoutMembarrierPublishersFenceAndNoWakeUpIsLost(t *testing.T) {
	const trips = 5000
	for _, c := range []struct {
		name       string
		ping, echo bool
		errno      syscall.Errno
	}{
		{"neither has it", true, true, unix.EPERM},
		{"echo has it", true, false, unix.ENOSYS},
		{"ping has it", false, true, unix.EPERM},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := in(t)
			o.Heartbeat, o.Spin = slow, -1
			start := func(role string, refused bool, args ...string) *proctest.Proc {
				if refused {
					return startConfined(t, "membarrier", c.errno, role, args...)
				}
				return proctest.Start(t, role, args...)
			}
			ping := start("ping", c.ping, encode(t, o), strconv.Itoa(trips))
			ping.Expect("ready")
			echo := start("echo", c.echo, encode(t, o))
			echo.Expect("ready")
			ping.Expect(fmt.Sprintf("%d ok", trips))
			for file, fences := range map[string]struct{ receiver, sender bool }{
				"there": {c.echo, c.ping}, "back": {c.ping, c.echo},
			} {
				mem, err := os.ReadFile(filepath.Join(o.Dir, file))
				require.NoError(t, err)
				require.Equal(t, fences.receiver, mem[controlAt+0x100]&fenceBit != 0, "receiver's doorbell of %s", file)
				require.Equal(t, fences.sender, mem[controlAt+0x180]&fenceBit != 0, "senders' doorbell of %s", file)
			}
			ping.Tell("end")
			require.Zero(t, ping.Wait())
			require.Zero(t, echo.Wait())
		})
	}
}

func TestWithoutPidfdTheHeartbeatNoticesADeath(t *testing.T) {
	o := in(t)
	r := startConfined(t, "pidfd_open", unix.ENOSYS, "receiver", encode(t, o))
	r.Expect("ready")
	s := startSender(t, o)
	require.Equal(t, "ok", s.Ask("claim torn"))
	r.Tell("block-recv")
	r.Expect("blocking")
	start := time.Now()
	s.Kill()
	r.Expect("received  disconnected")
	require.Less(t, time.Since(start), soon)
	require.Equal(t, "ok", r.Ask("close"))

	// Conversely, a sender that waits for room notices its receiver's death.
	o = in(t)
	o.Capacity = 4096
	dying := startReceiver(t, o)
	confined := startConfined(t, "pidfd_open", unix.EPERM, "sender", encode(t, o))
	confined.Expect("ready")
	big := strings.Repeat("x", 1000)
	require.Equal(t, "4 full", confined.Ask("fill %s", big))
	confined.Tell("block-send " + big)
	confined.Expect("blocking")
	start = time.Now()
	dying.Kill()
	confined.Expect("sent disconnected")
	require.Less(t, time.Since(start), soon)
	require.Equal(t, "ok", confined.Ask("close"))
	remove(t, o)
}

// sleepersRole blocks more receivers than may block in a thread of their own, and
// sends to each of them.
func sleepersRole(args []string) int {
	o, ctx := decode(args), context.Background()
	const n = 200
	got := make(chan error, n)
	var senders []*ipc.Sender
	for i := range n {
		name := strconv.Itoa(i)
		r, err := ipc.NewReceiver(ctx, name, o)
		if err != nil {
			panic(err)
		}
		s, err := ipc.NewSender(ctx, name, o)
		if err != nil {
			panic(err)
		}
		senders = append(senders, s)
		go func() {
			_, err := r.Recv(ctx)
			_ = r.Close()
			got <- err
		}()
	}
	for proctest.CountParked("(*Receiver).Recv") < n {
		time.Sleep(time.Millisecond)
	}
	for _, s := range senders {
		if err := s.TrySend([]byte("wake up")); err != nil {
			panic(err)
		}
	}
	for range n {
		if err := <-got; err != nil {
			panic(err)
		}
	}
	for _, s := range senders {
		_ = s.Close()
	}
	proctest.Say("all awake")
	return 0
}

func TestWithoutFutexWaitvSleepersHaveThreads(t *testing.T) {
	for _, errno := range []syscall.Errno{unix.ENOSYS, unix.EPERM} {
		o := in(t)
		o.Capacity, o.MaxSenders, o.Heartbeat = 4096, 1, slow
		p := startConfined(t, "futex_waitv", errno, "sleepers", encode(t, o))
		p.Expect("all awake")
		require.Zero(t, p.Wait())
	}
}

// walkerRole creates a channel in each of the directories and prints the results.
func walkerRole(args []string) int {
	for _, dir := range args {
		r, err := ipc.NewReceiver(context.Background(), name, &ipc.Options{Dir: dir})
		if err == nil {
			_ = r.Close()
			proctest.Say("ok")
			continue
		}
		proctest.Say("%v", err)
	}
	return 0
}

// makeLinkedPaths makes a directory three levels deep and, for each of its components,
// a path to it on which that component is a symbolic link. The last path has them all.
func makeLinkedPaths(t testing.TB) (real string, links []string) {
	t.Helper()
	top := proctest.Dir(t)
	real = filepath.Join(top, "a", "b", "c")
	require.NoError(t, os.MkdirAll(real, 0o700))
	require.NoError(t, os.Symlink("a", filepath.Join(top, "A")))
	require.NoError(t, os.Symlink("b", filepath.Join(top, "a", "B")))
	require.NoError(t, os.Symlink(filepath.Join(top, "a/b/c"), filepath.Join(top, "a", "b", "C")))
	t.Cleanup(func() {
		require.NoError(t, os.RemoveAll(filepath.Join(top, "a")))
		require.NoError(t, os.Remove(filepath.Join(top, "A")))
	})
	for _, path := range []string{"A/b/c", "a/B/c", "a/b/C", "A/B/C"} {
		links = append(links, filepath.Join(top, path))
	}
	return real, links
}

func TestLinkInAnyComponentIsRefused(t *testing.T) {
	real, links := makeLinkedPaths(t)
	dirs := append(links, real)
	for how, start := range map[string]func() *proctest.Proc{
		"by openat2":                     func() *proctest.Proc { return proctest.Start(t, "walker", dirs...) },
		"component by component, ENOSYS": func() *proctest.Proc { return startConfined(t, "openat2", unix.ENOSYS, "walker", dirs...) },
		"component by component, EPERM":  func() *proctest.Proc { return startConfined(t, "openat2", unix.EPERM, "walker", dirs...) },
	} {
		p := start()
		for _, link := range links {
			said := p.Line()
			require.Contains(t, said, "symbolic link", how)
			require.Contains(t, said, link, how)
		}
		p.Expect("ok")
		require.Zero(t, p.Wait())
	}
}

func TestWithoutOpenFileLocksTheErrorNamesThem(t *testing.T) {
	for _, errno := range []syscall.Errno{unix.EINVAL, unix.EPERM, unix.EACCES, unix.ENOSYS} {
		o := in(t)
		p := startConfined(t, "ofd", errno, "walker", o.Dir)
		said := p.Line()
		require.Contains(t, said, "F_OFD_SETLK")
		require.Contains(t, said, errno.Error())
		require.Contains(t, said, name)
		require.Zero(t, p.Wait())
	}
}
