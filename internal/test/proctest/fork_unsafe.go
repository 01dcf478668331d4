//go:build linux

package proctest

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// forkedLife bounds the life of a forked child that no test ends.
var forkedLife = unix.Timespec{Sec: 60}

// SayForked forks for Proc.Forked and tells the parent the process id.
func SayForked() {
	pid, err := fork()
	if err != nil {
		Say("%v", err)
		return
	}
	Say("forked %d", pid)
}

// fork forks this process without executing another program, as C libraries and
// daemon(3) do. The child keeps the parent's open files and mappings, except for its
// standard streams and its lifeline, and only sleeps.
//
//go:norace
func fork() (pid int, err error) {
	child, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return 0, os.NewSyscallError("clone", errno)
	}
	if child != 0 {
		return int(child), nil
	}
	// The child has no working Go runtime: it may only make system calls.
	for fd := range uintptr(lifelineFD + 1) {
		_, _, _ = unix.RawSyscall(unix.SYS_CLOSE, fd, 0, 0)
	}
	_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&forkedLife)), 0, 0)
	for {
		_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
}

// Forked returns the process that the child forked by SayForked, and kills that
// process at the end of the test.
func (p *Proc) Forked() (pid int) {
	p.t.Helper()
	line := p.Line()
	number, ok := strings.CutPrefix(line, "forked ")
	pid, err := strconv.Atoi(number)
	if !ok || err != nil {
		p.t.Fatalf("role %s said %q, not which process it forked", p.role, line)
	}
	p.t.Cleanup(func() { EndForked(p.t, pid) })
	return pid
}

// EndForked kills a process forked by SayForked and returns after the process holds
// no resources. The process may have ended before.
func EndForked(t testing.TB, pid int) {
	t.Helper()
	if syscall.Kill(pid, syscall.SIGKILL) != nil {
		return
	}
	deadline := time.Now().Add(Patience)
	for state := byte('R'); state != 0 && state != 'Z' && state != 'X'; state = stateOf(pid) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d can't be killed", pid)
		}
		time.Sleep(time.Millisecond)
	}
}
