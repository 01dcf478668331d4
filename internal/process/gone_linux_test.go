package process

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const helperEnv = "SHMCHAN_PROCESS_TEST"

// helper is the role of this binary when a test starts it again.
func helper(what string) int {
	switch what {
	case "leader exits": // only its first thread, to which init has bound this goroutine
		debug.SetGCPercent(-1)
		runtime.GOMAXPROCS(4)
		go func() { _, _ = io.Copy(io.Discard, os.Stdin); os.Exit(0) }()
		say(Self())
		_, _, _ = unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
	case "hidden": // as another user, with other users' processes hidden
		if err := unix.Mount("proc", "/proc", "proc", 0, "hidepid=2"); err != nil {
			fmt.Println(err)
			return 1
		}
		if err := syscall.Setuid(65534); err != nil {
			fmt.Println(err)
			return 1
		}
		answer()
	case "foreign /proc": // process 1 of a namespace that /proc does not show
		cmd := exec.Command("sleep", "1000")
		if err := cmd.Start(); err != nil {
			fmt.Println(err)
			return 1
		}
		say([]bool{Gone(Identity{cmd.Process.Pid, Self().NS, Self().Start}), Self().Start != 0})
	case "self":
		say(Self())
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
	return 0
}

// The main goroutine begins on the first thread, and can be bound to it only here.
func init() {
	if os.Getenv(helperEnv) == "leader exits" {
		runtime.LockOSThread()
	}
}

func say(v any) { _ = json.NewEncoder(os.Stdout).Encode(v) }

// answer reports for each identity that it reads whether it is gone.
func answer() {
	for in := json.NewDecoder(os.Stdin); ; {
		var id Identity
		if in.Decode(&id) != nil {
			return
		}
		say(Gone(id))
	}
}

type helping struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startHelper(t *testing.T, what string, attr *syscall.SysProcAttr) *helping {
	t.Helper()
	h := &helping{Cmd: exec.Command("/proc/self/exe")}
	h.Env = append(os.Environ(), helperEnv+"="+what)
	h.SysProcAttr = attr
	in, err := h.StdinPipe()
	require.NoError(t, err)
	out, err := h.StdoutPipe()
	require.NoError(t, err)
	h.in, h.out = in, bufio.NewReader(out)
	if err := h.Start(); err != nil {
		require.ErrorIs(t, err, syscall.EPERM)
		t.Skipf("needs root: %v", err)
	}
	t.Cleanup(func() { _ = h.Process.Kill(); _ = h.Wait() })
	return h
}

// hear decodes the helper's next line into v.
func (h *helping) hear(t *testing.T, v any) {
	t.Helper()
	line, err := h.out.ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(line), v), line)
}

func eventually(t *testing.T, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(deadline); !cond(); time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(end), "no answer in time")
	}
}

func TestGone(t *testing.T) {
	cmd, id := start(t)
	require.False(t, Gone(id), "it runs")
	require.False(t, Gone(Self()))
	beyond := int64(1) << 31 // in 32 bits it is negative
	for what, other := range map[string]Identity{
		"another namespace": {id.PID, id.NS + 1, id.Start + 1}, "no namespace": {PID: id.PID, Start: id.Start + 1},
		"no start": {PID: id.PID, NS: id.NS}, "no pid": {NS: id.NS, Start: 1}, "no number": {int(beyond), id.NS, 1},
	} {
		require.False(t, Gone(other), what)
	}
	require.True(t, Gone(Identity{id.PID, id.NS, id.Start + 1}), "the PID is another process's")
	require.True(t, Gone(Identity{os.Getpid(), id.NS, Self().Start - 1}), "the PID is ours")

	require.NoError(t, cmd.Process.Signal(syscall.SIGSTOP))
	require.False(t, Gone(id), "stopped")
	require.NoError(t, cmd.Process.Kill())
	eventually(t, func() bool { return Gone(id) })
	st, err := readStat(fmt.Sprint(id.PID))
	require.NoError(t, err)
	require.Equal(t, "Z", string(st.state), "its parent has not waited for it")
	_ = cmd.Wait()
	require.True(t, Gone(id), "no trace is left")
}

func TestProcessWhoseFirstThreadHasEndedIsNotGone(t *testing.T) {
	h := startHelper(t, "leader exits", nil)
	var id Identity
	h.hear(t, &id)
	eventually(t, func() bool {
		st, err := readStat(fmt.Sprint(id.PID))
		return err == nil && st.state == 'Z'
	})
	require.False(t, Gone(id))
	require.NoError(t, h.Process.Kill())
	eventually(t, func() bool { return Gone(id) })
}

func TestHiddenProcessIsNotGone(t *testing.T) {
	cmd, id := start(t)
	h := startHelper(t, "hidden", &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS})
	ask := func() (gone bool) {
		require.NoError(t, json.NewEncoder(h.in).Encode(id))
		h.hear(t, &gone)
		return gone
	}
	require.False(t, ask(), "only hidden")
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.True(t, ask())
}

func TestForeignProcProvesNothing(t *testing.T) {
	h := startHelper(t, "foreign /proc", &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID})
	var got []bool
	h.hear(t, &got)
	require.Equal(t, []bool{false, true}, got, "not gone, and its own start time known")
}

func TestOwnStartIsRightWhereProcIsForeign(t *testing.T) {
	h := startHelper(t, "self", &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID})
	var id Identity
	h.hear(t, &id)
	start, err := startTime(h.Process.Pid)
	require.NoError(t, err)
	require.Equal(t, start, id.Start)
	require.Equal(t, 1, id.PID)
}

func TestStatusLines(t *testing.T) {
	const status = "Name:\tCoreDumping:\t1\nNSpid:\t10\t2\nCoreDumping:\t0\nEmpty:"
	require.Equal(t, "0", string(statusLine([]byte(status), "CoreDumping")))
	require.Equal(t, 2, len(strings.Fields(string(statusLine([]byte(status), "NSpid")))))
	require.Empty(t, statusLine([]byte(status), "Empty"))
	require.Empty(t, statusLine([]byte(status), "Other"))
}
