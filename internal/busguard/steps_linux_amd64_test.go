//go:build !race

package busguard

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/edsrzf/mmap-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// stepped reports whether this is the process whose handler is single-stepped.
var stepped = os.Getenv("BUSGUARD_STEPPED") != ""

func init() {
	if stepped { // the traced thread is the first one
		runtime.LockOSThread()
		instead = func() {
			if err := faultBetween(); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
}

// faultBetween faults in a guarded page. The handler first examines another entry, of a
// range to the left, which is reused for a range to the right when standard input asks
// for it. Everything between the two, except the faulting page, must stay unchanged.
func faultBetween() error {
	fd, err := unix.MemfdCreate("half", unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	f, page := os.NewFile(uintptr(fd), "half"), os.Getpagesize()
	if err := f.Truncate(int64(2 * page)); err != nil {
		return err
	}
	area, err := mmap.MapRegion(f, 5*page, mmap.RDWR, 0, 0)
	if err != nil {
		return err
	}
	part := func(i int) []byte { return area[i*page:][:page] }
	left, foreign, faulty, right := part(0), part(1), part(2), part(4)
	other, g := Add(left), Add(faulty)
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1))
		other.Remove()
		if again := Add(right); again != other {
			fmt.Println("another entry was used")
		}
		fmt.Print("u")
	}()
	foreign[0] = 1
	faulty[0] = 2
	fmt.Printf("foreign %d, faulty %d, broken %t\n", foreign[0], faulty[0], g.Broken())
	return nil
}

// Between any two instructions of the handler another thread may remove a range
// and reuse its entry for another. (The race detector can't see this, and makes each
// process slow to start.)
func TestEntryMayBeUsedAgainAtEveryStepOfTheHandler(t *testing.T) {
	step := 0
	for useAgainAt(t, step) {
		step++
	}
	require.Greater(t, step, 20, "instructions of the handler")
	t.Log(step, "instructions")
}

// useAgainAt reports whether the handler has that many instructions.
func useAgainAt(t *testing.T, step int) bool {
	t.Helper()
	runtime.LockOSThread() // only the thread that started the child traces it
	defer runtime.UnlockOSThread()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "BUSGUARD_STEPPED=1", "GODEBUG=asyncpreemptoff=1")
	cmd.SysProcAttr = &unix.SysProcAttr{Ptrace: true, Pdeathsig: unix.SIGKILL}
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	said, out, err := os.Pipe()
	require.NoError(t, err)
	defer said.Close()
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		t.Skip("no process can be traced here: ", err)
	}
	defer func() { _ = cmd.Process.Kill() }() // it has exited unless the test failed
	require.NoError(t, out.Close())
	traced := tracee{t, cmd.Process.Pid}
	for sig := traced.wait(); sig != unix.SIGBUS; sig = traced.wait() {
		traced.goOn(unix.PTRACE_CONT, sig)
	}
	traced.goOn(unix.PTRACE_SINGLESTEP, unix.SIGBUS)
	traced.wait()
	inside := true
	for n := 0; inside; n++ {
		if n == step {
			_, err := in.Write([]byte{'!'})
			require.NoError(t, err)
			// No answer: the handler is using that entry, and Remove waits for it.
			require.NoError(t, said.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
			_, _ = said.Read(make([]byte, 1))
			break
		}
		traced.goOn(unix.PTRACE_SINGLESTEP, 0)
		traced.wait()
		inside = traced.inHandler()
	}
	require.NoError(t, unix.PtraceDetach(traced.pid))
	require.NoError(t, in.Close())
	require.NoError(t, said.SetReadDeadline(time.Time{}))
	text, err := io.ReadAll(said)
	require.NoError(t, err)
	require.NoError(t, cmd.Wait(), "%s", text)
	require.Contains(t, string(text), "foreign 1, faulty 2, broken true\n", "the entry was reused before instruction %d", step)
	return inside
}

// tracee is a process, stopped or running under this thread's control.
type tracee struct {
	t   *testing.T
	pid int
}

// wait returns the signal that stopped it, or 0 for a step or an exec.
func (p tracee) wait() unix.Signal {
	p.t.Helper()
	var status unix.WaitStatus
	_, err := unix.Wait4(p.pid, &status, unix.WALL, nil)
	for err == unix.EINTR {
		_, err = unix.Wait4(p.pid, &status, unix.WALL, nil)
	}
	require.NoError(p.t, err)
	require.True(p.t, status.Stopped(), "%#x", status)
	if sig := status.StopSignal(); sig != unix.SIGTRAP {
		return sig
	}
	return 0
}

func (p tracee) goOn(how uintptr, sig unix.Signal) {
	p.t.Helper()
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, how, uintptr(p.pid), 0, uintptr(sig), 0, 0)
	require.Zero(p.t, errno)
}

// inHandler reports whether the next instruction is the handler's. Both processes
// run the same program, at the same addresses.
func (p tracee) inHandler() bool {
	p.t.Helper()
	const longest = 512
	var regs unix.PtraceRegs
	require.NoError(p.t, unix.PtraceGetRegs(p.pid, &regs))
	return uintptr(regs.Rip)-handlerAddress() < longest
}
