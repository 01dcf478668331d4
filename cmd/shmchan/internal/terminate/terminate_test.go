//go:build linux

package terminate

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

const (
	statusEnv  = "SHMCHAN_TEST_TERMINATE"
	blockedEnv = "SHMCHAN_TEST_BLOCKED" // "wanted": start again with every signal blocked, as "done"
)

func TestMain(m *testing.M) {
	if os.Getenv(blockedEnv) == "wanted" {
		startBlocked()
	}
	if s := os.Getenv(statusEnv); s != "" {
		status, err := strconv.Atoi(s)
		if err != nil {
			panic(err)
		}
		if First() { // it must not be needed
			grace = time.Hour
		}
		caught := make(chan os.Signal, 1)
		signal.Notify(caught, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE)
		if os.Getenv(blockedEnv) == "done" {
			signal.Stop(caught) // which blocks them again
		}
		Exit(status)
	}
	proctest.Main(m, nil)
}

// startBlocked executes this process again with every signal blocked.
func startBlocked() {
	runtime.LockOSThread()
	var all unix.Sigset_t
	for i := range all.Val {
		all.Val[i]--
	}
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &all, nil); err != nil {
		panic(err)
	}
	_ = os.Setenv(blockedEnv, "done")
	panic(syscall.Exec("/proc/self/exe", os.Args, os.Environ()))
}

// TestExit checks that the parent sees the signal although the child caught it.
func TestExit(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		exit   int // -1: killed
		signal syscall.Signal
	}{
		{"success", 0, 0, 0},
		{"a plain status", 4, 4, 0},
		{"SIGINT", Status(syscall.SIGINT), -1, syscall.SIGINT},
		{"SIGTERM", Status(syscall.SIGTERM), -1, syscall.SIGTERM},
		{"SIGPIPE, which the runtime ignores", Status(syscall.SIGPIPE), -1, syscall.SIGPIPE},
		{"a signal that does not kill", Status(syscall.SIGCHLD), 128 + int(syscall.SIGCHLD), 0},
	} {
		for how, blocked := range map[string]string{"": "", ", blocked from the start": "wanted"} {
			t.Run(tt.name+how, func(t *testing.T) {
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), statusEnv+"="+strconv.Itoa(tt.status), blockedEnv+"="+blocked)
				_ = cmd.Run() // the state says all
				require.Equal(t, tt.exit, cmd.ProcessState.ExitCode())
				if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); tt.exit < 0 {
					require.Equal(t, tt.signal, ws.Signal())
				}
			})
		}
	}
}

// TestExitOfTheFirstProcess checks that the first process of a PID namespace, which signals
// do not kill, exits without waiting for them.
func TestExitOfTheFirstProcess(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), statusEnv+"="+strconv.Itoa(Status(sig)))
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
		err := cmd.Run()
		if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSPC) {
			t.Skipf("another PID namespace is not permitted here (run as root to test it): %v", err)
		}
		require.NoError(t, ctx.Err(), "%v: it waited for the signal", sig)
		require.Equal(t, Status(sig), cmd.ProcessState.ExitCode(), "%v", sig)
	}
}
