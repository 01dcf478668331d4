package proctest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Patience is how long a test waits for what should happen soon. It is generous
// because the machine may be busy; no passing test waits that long. It is shorter
// than the longest heartbeat, a minute: an event within Patience under such a
// heartbeat was not caused by a beat.
const Patience = 45 * time.Second

// Proc is a child process in a role. Its methods fail the test when a deadline
// passes, and must be called from the test's own goroutine.
type Proc struct {
	t      testing.TB
	role   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan string
	done   chan struct{}
	stderr lockedBuffer
}

// Start runs the test binary in a role. The process is killed when the test ends.
func Start(t testing.TB, role string, args ...string) *Proc {
	t.Helper()
	p, err := start(t, nil, role, args, nil)
	if err != nil {
		t.Fatalf("start role %s: %v", role, err)
	}
	return p
}

// start runs the test binary, or the command before, which must execute the test
// binary.
func start(t testing.TB, before []string, role string, args []string, attr *syscall.SysProcAttr) (*Proc, error) {
	t.Helper()
	lifelineR, lifelineW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer lifelineR.Close()
	self := "/proc/self/exe" // works even if the child's user may not search the path
	if before != nil {
		if self, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	line := slices.Concat(before, []string{self}, args)
	p := &Proc{
		t: t, role: role,
		cmd: exec.Command(line[0], line[1:]...),
		// Large, so that a child is not blocked by a parent that does not read yet.
		lines: make(chan string, 1<<12),
		done:  make(chan struct{}),
	}
	// Under the race detector a process sleeps for a second before it exits.
	p.cmd.Env = append(os.Environ(), roleEnv+"="+role, "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	p.cmd.ExtraFiles = []*os.File{lifelineR}
	p.cmd.SysProcAttr = attr
	p.cmd.Stderr = &p.stderr
	p.stdin, err = p.cmd.StdinPipe()
	if err != nil {
		return nil, errors.Join(err, lifelineW.Close())
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, lifelineW.Close(), p.stdin.Close())
	}
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, lifelineW.Close())
	}
	go p.reap(stdout, lifelineW)
	t.Cleanup(p.end)
	return p, nil
}

// reap forwards the child's lines until it closes its stdout, then waits for the
// child.
func (p *Proc) reap(stdout io.Reader, lifeline io.Closer) {
	defer close(p.done)
	defer close(p.lines)
	r := bufio.NewReader(stdout)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			break
		}
		p.lines <- strings.TrimSuffix(line, "\n")
	}
	_ = p.cmd.Wait() // the status is read from ProcessState
	_ = lifeline.Close()
}

func (p *Proc) end() {
	_ = p.cmd.Process.Kill()
	deadline := time.After(Patience)
	for {
		select {
		case _, ok := <-p.lines:
			if ok {
				continue // the test no longer reads; let reap continue
			}
			<-p.done
			if out := p.stderr.String(); out != "" && !p.t.Failed() {
				p.t.Errorf("stderr of role %s (pid %d):\n%s", p.role, p.Pid(), out)
			}
			return
		case <-deadline:
			p.t.Errorf("role %s (pid %d) can't be killed", p.role, p.Pid())
			return
		}
	}
}

// Pid returns the child's process id in the parent's namespace.
func (p *Proc) Pid() int { return p.cmd.Process.Pid }

// Kill sends SIGKILL and returns after the child is gone.
func (p *Proc) Kill() {
	p.t.Helper()
	p.Signal(syscall.SIGKILL)
	p.Wait()
}

// Signal sends a signal.
func (p *Proc) Signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("role %s: %v: %v", p.role, s, err)
	}
}

// Stop suspends the child and returns after every thread of it has stopped.
func (p *Proc) Stop() {
	p.t.Helper()
	p.Signal(syscall.SIGSTOP)
	Eventually(p.t, "the child has stopped", func() bool { return p.state() == 'T' })
}

// Cont continues a stopped child.
func (p *Proc) Cont() {
	p.t.Helper()
	p.Signal(syscall.SIGCONT)
}

func (p *Proc) state() byte { return stateOf(p.Pid()) }

// stateOf returns the state of a process in /proc, or 0.
func stateOf(pid int) byte {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	// pid (comm) state …: comm may contain anything, so search from the end.
	if i := strings.LastIndexByte(string(stat), ')'); err == nil && i >= 0 && i+2 < len(stat) {
		return stat[i+2]
	}
	return 0
}

// Wait returns the exit status after the child has ended, or -1 if a signal ended it.
// It drops lines that were not read.
func (p *Proc) Wait() int {
	p.t.Helper()
	deadline := time.After(Patience)
	for {
		select {
		case <-p.done:
			return p.cmd.ProcessState.ExitCode()
		case <-p.lines:
		case <-deadline:
			p.stuck("did not end")
		}
	}
}

// stuck fails the test with the stacks of a hanging child.
func (p *Proc) stuck(how string) {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGQUIT) // it may have ended just now
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
	}
	p.t.Fatalf("role %s (pid %d) %s for %v; stderr:\n%s", p.role, p.Pid(), how, Patience, p.stderr.String())
}

// Tell sends a line to the child.
func (p *Proc) Tell(format string, args ...any) {
	p.t.Helper()
	if _, err := fmt.Fprintf(p.stdin, format+"\n", args...); err != nil {
		p.t.Fatalf("tell role %s: %v; stderr:\n%s", p.role, err, p.stderr.String())
	}
}

// Line returns the child's next line.
func (p *Proc) Line() string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			<-p.done
			p.t.Fatalf("role %s ended (%v) when a line was awaited; stderr:\n%s", p.role, p.cmd.ProcessState, p.stderr.String())
		}
		return line
	case <-time.After(Patience):
		p.stuck("said nothing")
	}
	return ""
}

// Expect fails the test unless the child's next line is line.
func (p *Proc) Expect(want string) {
	p.t.Helper()
	if got := p.Line(); got != want {
		p.t.Fatalf("role %s said %q, want %q; stderr:\n%s", p.role, got, want, p.stderr.String())
	}
}

// Ask sends a line to the child and returns its answer.
func (p *Proc) Ask(format string, args ...any) string {
	p.t.Helper()
	p.Tell(format, args...)
	return p.Line()
}
