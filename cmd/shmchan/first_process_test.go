package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/terminate"
	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// startFirst starts the command as the first process of a PID namespace. Its channel
// directory, which is also its working directory, belongs to the test.
func startFirst(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	// --timeout ends the command if the test was killed.
	cmd := exec.Command("shmchan", append(args, "--timeout", "2m")...)
	cmd.Dir = os.Getenv("SHMCHAN_DIR")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	err := cmd.Start()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSPC) {
		t.Skipf("another PID namespace is not permitted here (run as root to test it): %v", err)
	}
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // does nothing if it has ended
		_ = cmd.Wait()
	})
	return cmd
}

// childrenOf lists the children of a process, zombies too, with their states.
func childrenOf(t *testing.T, pid int) (all []string) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it is gone
		}
		var state string
		var parent int
		_, err = fmt.Sscan(string(raw[strings.LastIndexByte(string(raw), ')')+1:]), &state, &parent)
		require.NoError(t, err)
		if parent == pid {
			all = append(all, filepath.Base(filepath.Dir(path))+" "+state)
		}
	}
	return all
}

func attached(name string) func() bool {
	return func() bool {
		s, err := ipc.Inspect(name, nil)
		return err == nil && s.Receiver != nil && s.Receiver.State == ipc.StateAlive
	}
}

func ownDirectory(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "shmchan-first-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	t.Setenv("SHMCHAN_DIR", dir)
}

// recv reaps the orphans of its commands, while it runs others and while it waits, and does
// not lose the status of a command.
func TestFirstProcessReapsOrphans(t *testing.T) {
	ownDirectory(t)
	cmd := startFirst(t, "recv", "-k", "--durable", "--jobs", "2", "--exec", "(sleep 0.01 &); (true &); cat", "jobs")
	proctest.Eventually(t, "recv is attached", attached("jobs"))
	s, err := ipc.NewSender(t.Context(), "jobs", nil)
	require.NoError(t, err)
	for range 30 {
		require.NoError(t, s.Send(t.Context(), []byte("x")))
	}
	require.NoError(t, s.Flush(t.Context()))
	require.NoError(t, s.Close())
	proctest.Eventually(t, "no orphan is left", func() bool { return len(childrenOf(t, cmd.Process.Pid)) == 0 })
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	_ = cmd.Wait() // the state says all
	require.Equal(t, terminate.Status(syscall.SIGTERM), cmd.ProcessState.ExitCode())
	require.NoError(t, ipc.Remove("jobs", nil))
}

// A verb that starts no command reaps orphans too, such as those of processes that were
// started in the container from outside.
func TestFirstProcessReapsStrangers(t *testing.T) {
	if _, err := exec.LookPath("nsenter"); err != nil {
		t.Skip("not run: nsenter is missing")
	}
	ownDirectory(t)
	cmd := startFirst(t, "recv", "-k", "jobs")
	proctest.Eventually(t, "recv is attached", attached("jobs"))
	out, err := exec.Command("nsenter", "--pid", "--target", fmt.Sprint(cmd.Process.Pid), "sh", "-c", "(sleep 0.1 &)").CombinedOutput()
	require.NoError(t, err, "%s", out)
	proctest.Eventually(t, "no orphan is left", func() bool { return len(childrenOf(t, cmd.Process.Pid)) == 0 })
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	_ = cmd.Wait() // the state says all
	require.Equal(t, terminate.Status(syscall.SIGTERM), cmd.ProcessState.ExitCode())
}

// The exit status names the signal that would have killed another process.
func TestFirstProcessEndsBySignals(t *testing.T) {
	ownDirectory(t)
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM} {
		cmd := startFirst(t, "recv", "-k", "jobs")
		proctest.Eventually(t, "recv is attached", attached("jobs"))
		require.NoError(t, cmd.Process.Signal(sig))
		_ = cmd.Wait() // the state says all
		require.Equal(t, terminate.Status(sig), cmd.ProcessState.ExitCode(), "%v", sig)
	}
}
