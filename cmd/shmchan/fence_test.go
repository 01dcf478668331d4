package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

// Registering for membarrier takes longer than the rest of a short command.
func TestSendAndShortRecvRegisterForNothing(t *testing.T) {
	const child = "SHMCHAN_TEST_SEND"
	if os.Getenv(child) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		if strings.Contains(string(out), "--- SKIP") {
			t.Skipf("%s", out)
		}
		return
	}
	dir := proctest.Dir(t)
	for _, args := range [][]string{
		{"send", "--create", "--durable", "jobs", "x"},
		{"send", "jobs", "x", "y"},
		{"send", "--try", "jobs", "x"},
		{"send", "jobs"},
		{"recv", "--try", "jobs"},
	} {
		var out, errs strings.Builder
		require.Zero(t, run(context.Background(), append([]string{"--dir", dir}, args...), strings.NewReader("x\ny\n"), &out, &errs), errs.String())
	}
	const registrations = 1 << 9 // MEMBARRIER_CMD_GET_REGISTRATIONS, since Linux 6.3
	mask, _, errno := unix.RawSyscall(unix.SYS_MEMBARRIER, registrations, 0, 0)
	if errno != 0 {
		t.Skipf("this kernel does not tell what a process is registered for: %v", errno)
	}
	require.Zero(t, mask)
	var out, errs strings.Builder
	require.Zero(t, run(context.Background(), []string{"--dir", dir, "rm", "jobs"}, nil, &out, &errs), errs.String())
}
