package proctest

import (
	"errors"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// StartNS is Start in a PID namespace of the child's own, in which the child is
// process 1. It skips the test if that is not permitted.
func StartNS(t testing.TB, role string, args ...string) *Proc {
	t.Helper()
	return startApart(t, "PID namespace", &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}, role, args)
}

// StartMounts is Start in a mount namespace of the child's own: its mounts are
// invisible to other processes and end with it. It skips the test if that is not
// permitted.
func StartMounts(t testing.TB, role string, args ...string) *Proc {
	t.Helper()
	return startApart(t, "mount namespace", &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}, role, args)
}

// StartAs is Start as another user, with no group but its own. It skips the test if
// that is not permitted.
func StartAs(t testing.TB, uid uint32, role string, args ...string) *Proc {
	t.Helper()
	return startApart(t, "user", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}, role, args)
}

// StartMember is StartAs with an additional group.
func StartMember(t testing.TB, uid, group uint32, role string, args ...string) *Proc {
	t.Helper()
	return startApart(t, "user", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid, Groups: []uint32{group}}}, role, args)
}

// StartTime is Start in a time namespace of the child's own, whose monotonic clock
// and time since boot have an offset. The child's Pid is that of the unshare command,
// with which the child dies. It skips the test if the command is missing or not
// permitted.
func StartTime(t testing.TB, offset time.Duration, role string, args ...string) *Proc {
	t.Helper()
	seconds := strconv.Itoa(int(offset.Seconds()))
	unshare := []string{"unshare", "--time", "--fork", "--kill-child", "--monotonic", seconds, "--boottime", seconds, "--"}
	if out, err := exec.Command(unshare[0], append(unshare[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("another time namespace is not to be had here: %v: %s", err, out)
	}
	p, err := start(t, unshare, role, args, nil)
	if err != nil {
		t.Fatalf("start role %s in another time namespace: %v", role, err)
	}
	return p
}

func startApart(t testing.TB, kind string, attr *syscall.SysProcAttr, role string, args []string) *Proc {
	t.Helper()
	p, err := start(t, nil, role, args, attr)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSPC) {
		t.Skipf("another %s is not permitted here (run as root to test it): %v", kind, err)
	}
	if err != nil {
		t.Fatalf("start role %s in another %s: %v", role, kind, err)
	}
	return p
}
