package ipc_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// Held by a dumper until it dies.
var (
	ballast []byte
	opened  any
)

// dumperRole is a sender with an open claim, or a receiver, that dumps core on command:
// at least args[3] MiB, into the directory args[2].
func dumperRole(args []string) int {
	ctx, o := context.Background(), decode(args)
	what, dir := args[1], args[2]
	size, err := strconv.Atoi(args[3])
	if err == nil {
		err = os.Chdir(dir)
	}
	if err == nil {
		const core = 4 // RLIMIT_CORE
		err = syscall.Setrlimit(core, &syscall.Rlimit{Cur: ^uint64(0), Max: ^uint64(0)})
	}
	if err == nil && what == "sender" {
		var s *ipc.Sender
		if s, err = ipc.NewSender(ctx, name, o); err == nil {
			opened, err = s.Claim(ctx, 8)
		}
	} else if err == nil {
		opened, err = ipc.NewReceiver(ctx, name, o)
	}
	ballast = make([]byte, size<<20)
	for i := 0; i < len(ballast); i += os.Getpagesize() {
		ballast[i] = 1
	}
	proctest.Say("%s", kind(err))
	proctest.Hear()
	dumpCore()
	return 0
}

// dumpCore crashes the process and discards the runtime's stack traces.
func dumpCore() {
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		_ = syscall.Dup3(int(null.Fd()), 2, 0)
	}
	debug.SetTraceback("crash")
	panic("dump core")
}

// dumping reports whether the process is currently writing its core dump.
func dumping(pid int) bool {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return bytes.Contains(status, []byte("\nCoreDumping:\t1\n"))
}

// whileDumping calls test, which starts a process, makes it dump core, and kills it. It
// repeats test with larger dumps until one is still being written when it is killed.
func whileDumping(t *testing.T, what string, test func(t *testing.T, o *ipc.Options, start func() *proctest.Proc, kill func(*proctest.Proc))) {
	pattern, err := os.ReadFile("/proc/sys/kernel/core_pattern")
	if err != nil || strings.HasPrefix(string(pattern), "|") || strings.Contains(string(pattern), "/") || len(pattern) < 2 {
		t.Skipf("core dumps are not written to the working directory: %q", pattern)
	}
	for size := 128; ; size *= 2 {
		observed := false
		t.Run(fmt.Sprintf("%d MiB", size), func(t *testing.T) {
			o := in(t)
			o.Heartbeat, o.Capacity = 20*time.Millisecond, 4096
			test(t, o, func() *proctest.Proc {
				p := proctest.Start(t, "dumper", encode(t, o), what, t.TempDir(), strconv.Itoa(size))
				p.Expect("ok")
				return p
			}, func(p *proctest.Proc) {
				observed = dumping(p.Pid())
				p.Kill()
			})
		})
		switch {
		case observed || t.Failed():
			return
		case size > 1<<11:
			t.Fatal("the death was noticed only after the dump was written")
		}
	}
}

func TestSenderThatDumpsCoreIsDeadBeforeTheDumpIsWritten(t *testing.T) {
	whileDumping(t, "sender", func(t *testing.T, o *ipc.Options, start func() *proctest.Proc, kill func(*proctest.Proc)) {
		r := newReceiver(t, o)
		p := start()
		s := newSender(t, o)
		send(t, s, "behind the claim")
		ctx := background(t)
		got := async(func() string { msg, _ := r.Recv(ctx); return string(msg) })
		proctest.Parked(t, "(*Receiver).Recv", 1)
		died := time.Now()
		p.Tell("dump")
		require.Equal(t, "behind the claim", await(t, got))
		t.Logf("noticed after %v", time.Since(died))
		require.NoError(t, s.Close())
		requireDisconnected(t, r)
		require.Len(t, r.Deaths(), 1)
		kill(p)
	})
}

func TestReceiverThatDumpsCoreIsDeadBeforeTheDumpIsWritten(t *testing.T) {
	whileDumping(t, "receiver", func(t *testing.T, o *ipc.Options, start func() *proctest.Proc, kill func(*proctest.Proc)) {
		p := start()
		s := newSender(t, o)
		fill(t, s, make([]byte, 100))
		ctx := background(t)
		sent := async(func() error { return s.Send(ctx, make([]byte, 100)) })
		proctest.Parked(t, "(*Sender).Send", 1)
		died := time.Now()
		p.Tell("dump")
		require.ErrorIs(t, await(t, sent), ipc.ErrDisconnected)
		t.Logf("noticed after %v", time.Since(died))
		newReceiver(t, o)
		kill(p)
	})
}
