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

// What a dumper has until it is dead.
var (
	ballast []byte
	opened  any
)

// dumperRole is a sender with an open claim, or a receiver, that dumps core when it
// is told to: so many MiB into the directory.
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

// dumpCore crashes the process. The runtime's stack traces go nowhere.
func dumpCore() {
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		_ = syscall.Dup3(int(null.Fd()), 2, 0)
	}
	debug.SetTraceback("crash")
	panic("dump core")
}

// dumping reports whether the process is writing its core dump just now.
func dumping(pid int) bool {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return bytes.Contains(status, []byte("\nCoreDumping:\t1\n"))
}

// whileDumping calls test, which starts a process, makes it dump core, and ends it, with
// larger dumps until it is still being written when the process is ended.
func whileDumping(t *testing.T, what string, test func(t *testing.T, o *ipc.Options, start func() *proctest.Proc, end func(*proctest.Proc))) {
	pattern, err := os.ReadFile("/proc/sys/kernel/core_pattern")
	if err != nil || strings.HasPrefix(string(pattern), "|") || strings.Contains(string(pattern), "/") || len(pattern) < 2 {
		t.Skipf("core dumps go somewhere else here: %q", pattern)
	}
	for size := 128; ; size *= 2 {
		sure := false
		t.Run(fmt.Sprintf("%d MiB", size), func(t *testing.T) {
			o := in(t)
			o.Heartbeat, o.Capacity = 20*time.Millisecond, 4096
			test(t, o, func() *proctest.Proc {
				p := proctest.Start(t, "dumper", encode(t, o), what, t.TempDir(), strconv.Itoa(size))
				p.Expect("ok")
				return p
			}, func(p *proctest.Proc) {
				sure = dumping(p.Pid())
				p.Kill()
			})
		})
		switch {
		case sure || t.Failed():
			return
		case size > 1<<11:
			t.Fatal("noticed only when the dump was written")
		}
	}
}

func TestSenderThatDumpsCoreIsDeadBeforeTheDumpIsWritten(t *testing.T) {
	whileDumping(t, "sender", func(t *testing.T, o *ipc.Options, start func() *proctest.Proc, end func(*proctest.Proc)) {
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
		end(p)
	})
}

func TestReceiverThatDumpsCoreIsDeadBeforeTheDumpIsWritten(t *testing.T) {
	whileDumping(t, "receiver", func(t *testing.T, o *ipc.Options, start func() *proctest.Proc, end func(*proctest.Proc)) {
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
		end(p)
	})
}
