package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

const limitedMessages = 6

// limited runs recv --exec under prlimit, as the user of attr, with messages 1 to
// limitedMessages in a durable channel. It checks that the output of the commands agrees
// with the status, and returns the status and stderr.
func limited(t *testing.T, attr *syscall.SysProcAttr, limit string) (status int, said string) {
	t.Helper()
	dir := os.Getenv("SHMCHAN_DIR")
	run := func(out, err io.Writer, args ...string) int {
		ctx, cancel := context.WithTimeout(t.Context(), proctest.Patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Dir, cmd.SysProcAttr, cmd.Stdout, cmd.Stderr = dir, attr, out, err
		rerr := cmd.Run()
		require.NoError(t, ctx.Err())
		if errors.Is(rerr, syscall.EPERM) {
			t.Skipf("another user is not permitted here (run as root to test it): %v", rerr)
		}
		require.NotNil(t, cmd.ProcessState, "%v", rerr)
		return statusOf(cmd.ProcessState)
	}
	own := filepath.Join(dir, ".bin", "shmchan")
	send := []string{own, "send", "--create", "--durable", "jobs"}
	for n := range limitedMessages {
		send = append(send, strconv.Itoa(n+1))
	}
	require.Zero(t, run(nil, os.Stderr, send...))
	var out, stderr bytes.Buffer
	status = run(&out, &stderr, "prlimit", limit, own, "recv", "--jobs", "3", "--exec", "read m || :; echo $m", "jobs")
	said = stderr.String()
	done := strings.Fields(out.String())

	failed := limitedMessages + 1
	if m := regexp.MustCompile(`: message ([0-9]+) .*; the message was not received\n`).FindStringSubmatch(said); m != nil {
		failed, _ = strconv.Atoi(m[1])
	}
	switch status {
	case 0:
		require.Equal(t, limitedMessages+1, failed, "%s: %s", limit, said)
	case exitFailure: // whatever went wrong, it is told
		require.NotEmpty(t, said)
	default:
		// If Go's runtime cannot continue, it exits with status 2, and nothing is lost.
		require.Regexp(t, "pthread_create failed|failed to create new OS thread|out of memory", said)
	}
	var peeked bytes.Buffer
	require.Zero(t, run(&peeked, os.Stderr, own, "peek", "jobs"))
	left := map[string]bool{}
	for _, m := range strings.Fields(peeked.String()) {
		left[m] = true
	}
	for n := 1; n <= limitedMessages; n++ {
		m := strconv.Itoa(n)
		if n >= failed {
			require.True(t, left[m], "%s: message %d was taken, though %d failed: %s", limit, n, failed, said)
		}
		if !left[m] {
			require.Contains(t, done, m, "%s: message %d was taken, and no command had it: %s", limit, n, said)
		}
	}
	require.Zero(t, run(nil, os.Stderr, own, "rm", "jobs"))
	return status, said
}

// reachable copies this binary to where any user may execute it, and gives the channel
// directory to uid.
func reachable(t *testing.T, uid int) {
	t.Helper()
	if _, err := exec.LookPath("prlimit"); err != nil {
		t.Skip("not run: prlimit is missing")
	}
	ownDirectory(t)
	dir := os.Getenv("SHMCHAN_DIR")
	self, err := os.Executable()
	require.NoError(t, err)
	raw, err := os.ReadFile(self)
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(dir, ".bin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".bin", "shmchan"), raw, 0o755))
	if uid != os.Getuid() {
		require.NoError(t, os.Chown(dir, uid, uid))
	}
}

// A command that cannot be started for lack of descriptors has failed. Messages before it are
// received; its own and later ones are not.
func TestExecWithFewDescriptors(t *testing.T) {
	reachable(t, os.Getuid())
	first, later := false, false
	for n := 8; ; n++ {
		status, said := limited(t, nil, fmt.Sprintf("--nofile=%d", n))
		if status == 0 {
			break
		}
		unstarted := regexp.MustCompile(`message ([0-9]+) .*: cannot start the command: .*too many open files`).FindStringSubmatch(said)
		first = first || unstarted != nil && unstarted[1] == "1"
		later = later || unstarted != nil && unstarted[1] != "1"
	}
	require.True(t, first, "no limit hit the first command")
	require.True(t, later, "no limit hit a later command")
}

// The same for lack of processes.
func TestExecWithFewProcesses(t *testing.T) {
	const uid = 60_417 // nobody else's, for the limit counts all that the user runs
	if os.Getuid() != 0 {
		t.Skip("not run: it needs another user, whose limits bind it; run as root")
	}
	reachable(t, uid)
	attr := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	unstarted := false
	for n := 4; ; n++ {
		status, said := limited(t, attr, fmt.Sprintf("--nproc=%d", n))
		unstarted = unstarted || strings.Contains(said, "cannot start the command: ")
		if status == 0 {
			break
		}
	}
	if !unstarted {
		t.Log("no limit hit the start of a command: the runtime's own threads came first")
	}
}

// A command that cannot be started leaves nothing open and does not affect the next one.
func TestFailedStartsLeaveNothing(t *testing.T) {
	var s spawner
	a := &app{stdin: strings.NewReader(""), stdout: os.Stdout, stderr: io.Discard}
	s.init(a, "exit 3")
	ended := make(chan struct{}, 1)
	var whole syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &whole))
	fail := func() {
		none := whole
		none.Cur = 0
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none))
		j := s.start([]byte("x"), "ch", ipc.Meta{Seq: 7}, ended)
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &whole))
		require.True(t, j.over())
		<-ended
		require.ErrorIs(t, j.failure(), errCommand)
		require.ErrorContains(t, j.failure(), "message 7 (sender 0, pid 0): cannot start the command: ")
		require.ErrorContains(t, j.failure(), "; the message was not received")
		require.Equal(t, exitFailure, status(j.failure()))
	}
	fail()
	before := proctest.Snapshot()
	for range 20 {
		fail()
	}
	require.Empty(t, before.Leaks())
	require.Empty(t, s.running)
	j := s.start([]byte("x"), "ch", ipc.Meta{Seq: 8}, ended)
	<-j.done
	require.ErrorContains(t, j.failure(), "the command failed: exit status 3")
}
