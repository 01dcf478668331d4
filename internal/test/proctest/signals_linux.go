package proctest

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// DefaultSignals makes the processes that this one starts begin with every signal at
// its default action and unblocked. Both are inherited and so depend on how the tests
// were started: nohup ignores SIGHUP, a shell's background job ignores SIGINT, and CI
// systems ignore or block others. A test's main calls it first.
//
// Signals that this process ignored still have no effect on it. It now handles them,
// which resets them in its children, since execve gives a handled signal its default
// action and leaves an ignored one ignored. Blocked signals need another way: the Go
// runtime starts every child with the signal mask that it started with, so this
// program executes itself again with an empty mask.
func DefaultSignals() error {
	blocked, err := unblock()
	if err != nil {
		return err
	}
	if blocked {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		return fmt.Errorf("execute the tests again: %w", syscall.Exec(self, os.Args, os.Environ()))
	}
	ignored, err := ignoredSignals()
	if err != nil {
		return err
	}
	unread := make(chan os.Signal, 1)
	for _, sig := range ignored {
		signal.Notify(unread, sig)
	}
	return nil
}

// unblock empties this thread's signal mask and reports whether it held anything. If
// it did, the thread is locked to the goroutine, which must call execve: the new
// program inherits the mask of its thread.
func unblock() (blocked bool, err error) {
	runtime.LockOSThread()
	var none, was unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &none, &was); err != nil {
		return false, fmt.Errorf("empty the signal mask: %w", err)
	}
	if was != none {
		return true, nil
	}
	runtime.UnlockOSThread()
	return false, nil
}

// ignoredSignals returns the signals that this process ignores.
func ignoredSignals() ([]syscall.Signal, error) {
	set, err := signalSet("SigIgn")
	var ignored []syscall.Signal
	for sig := syscall.Signal(1); set != 0; sig, set = sig+1, set>>1 {
		if set&1 != 0 {
			ignored = append(ignored, sig)
		}
	}
	return ignored, err
}

// signalSet returns a set of signals, such as SigIgn, from the status of this thread:
// bit n-1 is signal n.
func signalSet(name string) (uint64, error) {
	const path = "/proc/thread-self/status"
	raw, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if hex, ok := strings.CutPrefix(line, name+":"); ok {
			return strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
		}
	}
	return 0, fmt.Errorf("%s: no line %s", path, name)
}
