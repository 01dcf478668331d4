package ipc_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// wakes returns the number of voluntary context switches of a process's threads.
func wakes(pid int) (n int) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, file := range files {
		status, _ := os.ReadFile(file)
		_, rest, _ := strings.Cut(string(status), "\nvoluntary_ctxt_switches:\t")
		count, _, _ := strings.Cut(rest, "\n")
		v, _ := strconv.Atoi(count)
		n += v
	}
	return n
}

// idlerRole opens args[1] channels with a receiver and a sender each, and blocks in each
// receiver, until it is killed.
func idlerRole(args []string) int {
	o := decode(args)
	ctx := context.Background()
	for i := range number(args[1]) {
		r, err := ipc.NewReceiver(ctx, fmt.Sprint(i), o)
		if err != nil {
			panic(err)
		}
		if _, err := ipc.NewSender(ctx, fmt.Sprint(i), o); err != nil {
			panic(err)
		}
		go func() { _, _ = r.Recv(ctx) }()
	}
	proctest.Say("ready")
	_, _ = proctest.Hear()
	return 0
}

// An idle process wakes once per heartbeat, however many endpoints it has.
func TestIdleProcessWakesOnceInAHeartbeat(t *testing.T) {
	const beats = 20
	for _, n := range []int{1, 100} {
		o := with(in(t), func(o *ipc.Options) { o.Capacity = 4096; o.MaxSenders = 1; o.Heartbeat = 100 * time.Millisecond })
		p := proctest.Start(t, "idler", encode(t, o), strconv.Itoa(n))
		p.Expect("ready")
		proctest.Eventually(t, "the process is idle", func() bool {
			before := wakes(p.Pid())
			time.Sleep(beats * o.Heartbeat) // the measured interval
			woken := wakes(p.Pid()) - before
			t.Logf("%d channels: woken %d times in %d heartbeats", n, woken, beats)
			return woken <= beats+beats/4 // the runtime wakes sometimes, too
		})
		p.Kill()
		for i := range n {
			require.NoError(t, ipc.Remove(fmt.Sprint(i), o))
		}
	}
}

// joinerRole attaches args[1] senders to the channel and waits to be killed.
func joinerRole(args []string) int {
	for range number(args[1]) {
		if _, err := ipc.NewSender(context.Background(), name, decode(args)); err != nil {
			panic(err)
		}
	}
	proctest.Say("ready")
	_, _ = proctest.Hear()
	return 0
}

func TestReceiverNeedsOneDescriptorForASendersProcess(t *testing.T) {
	const n = 300
	o := with(in(t), func(o *ipc.Options) { o.MaxSenders = n })
	r := newReceiver(t, o)
	got := async(func() error { _, err := r.Recv(background(t)); return err })
	proctest.Parked(t, "(*Receiver).Recv", 1)
	open := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		require.NoError(t, err)
		return len(fds)
	}
	before := open()
	p := proctest.Start(t, "joiner", encode(t, o), strconv.Itoa(n))
	p.Expect("ready")
	watched := func() int {
		fds, err := filepath.Glob("/proc/self/fd/*")
		require.NoError(t, err)
		count := 0
		for _, fd := range fds {
			if to, _ := os.Readlink(fd); strings.Contains(to, "pidfd") {
				count++
			}
		}
		return count
	}
	proctest.Eventually(t, "the senders' process is watched", func() bool { return watched() > 0 })
	proctest.Eventually(t, "all senders are attached", func() bool { return len(r.Stats().Senders) == n })
	require.LessOrEqual(t, open()-before, 10, "one pidfd, and the descriptors of this test")
	p.Kill()
	require.ErrorIs(t, awaitSoon(t, got), ipc.ErrDisconnected)
	proctest.Eventually(t, "each death is counted", func() bool { return r.Stats().Deaths == n })
}

func TestDoneClosesAsSoonAsTheReceiverIsKilled(t *testing.T) {
	o := in(t)
	o.Heartbeat = slow
	p := startReceiver(t, o)
	s, err := ipc.NewSender(background(t), name, o)
	require.NoError(t, err)
	p.Kill()
	select {
	case <-s.Done():
	case <-time.After(soon):
		t.Fatal("Done is not closed")
	}
	require.ErrorIs(t, s.TrySend(nil), ipc.ErrDisconnected)
	require.NoError(t, s.Close())
	remove(t, o)
}

// deafRole blocks in a call, truncates the file, and unblocks the call by canceling its
// context or by Close.
func deafRole(args []string) int {
	o := decode(args)
	ctx, cancel := context.WithCancel(context.Background())
	r, err := ipc.NewReceiver(ctx, name, o)
	if err != nil {
		panic(err)
	}
	s, err := ipc.NewSender(ctx, name, o)
	if err != nil {
		panic(err)
	}
	for s.TrySend(make([]byte, 100)) == nil {
	}
	call := map[string]func() error{
		"Recv":  func() error { _, err := r.Recv(ctx); return err },
		"Send":  func() error { return s.Send(ctx, make([]byte, 100)) },
		"Flush": func() error { return s.Flush(ctx) },
	}[args[1]]
	if args[1] == "Recv" {
		for _, err := range r.Drain() {
			_ = err
		}
	}
	result := async(call)
	for proctest.CountParked("(*endpoint).await") == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := os.Truncate(path(o), 0); err != nil {
		panic(err)
	}
	_, _ = r.Stats(), s.Stats() // the mapping is replaced
	switch args[2] {
	case "context":
		cancel()
	default:
		_ = r.Close()
		_ = s.Close()
	}
	proctest.Say("%v", <-result != nil)
	cancel()
	return 0
}

// A truncation replaces the memory on which a call sleeps. Its own process can still
// wake it.
func TestWaitOnATruncatedFileCanBeUnblocked(t *testing.T) {
	requireGuard(t)
	for _, call := range []string{"Recv", "Send", "Flush"} {
		for _, how := range []string{"context", "Close"} {
			o := in(t)
			o.Capacity, o.Heartbeat, o.Spin = 4096, slow, -1
			start := time.Now()
			p := proctest.Start(t, "deaf", encode(t, o), call, how)
			p.Expect("true")
			require.Less(t, time.Since(start), slow/2, "%s, %s", call, how)
			_ = os.Remove(path(o))
		}
	}
}
