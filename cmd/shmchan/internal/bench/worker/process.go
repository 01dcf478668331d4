package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/children"
)

// Executable names this executable, even if its file has been removed or replaced.
const Executable = "/proc/self/exe"

// Process is a worker, as its parent sees it.
type Process struct {
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	steps   *json.Encoder
	replies chan Reply
	done    chan struct{} // closed when the process has ended
	stderr  bytes.Buffer  // to be read after that
}

// Verb is the hidden verb by which this executable serves as a worker. Its argument is
// the directory of the run.
const Verb = "bench-work"

// Start starts this executable as a worker, which ends with its parent, however
// that ends.
func Start(dir string) (*Process, error) {
	p := &Process{
		cmd:     &exec.Cmd{Path: Executable, Args: []string{os.Args[0], Verb, dir}},
		replies: make(chan Reply, 1),
		done:    make(chan struct{}),
	}
	p.cmd.Stderr = &p.stderr
	// A process group of its own: an interrupt from the terminal reaches the parent
	// alone, which then ends the measurement in order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, p.stdin.Close())
	}
	if err := children.Start(p.cmd); err != nil {
		return nil, err
	}
	p.steps = json.NewEncoder(p.stdin)
	go p.listen(stdout)
	return p, nil
}

func (p *Process) listen(stdout io.Reader) {
	defer close(p.done)
	for replies := json.NewDecoder(stdout); ; {
		var r Reply
		if replies.Decode(&r) != nil {
			break
		}
		p.replies <- r
	}
	_ = children.Wait(p.cmd) // the process state tells how it ended
}

// Tell writes a step to the process.
func (p *Process) Tell(s Step) error { return p.steps.Encode(s) }

// Hear returns the answer to a step that takes at most d. If the system lacks what
// the step needs, the error is an errors.ErrUnsupported.
func (p *Process) Hear(ctx context.Context, d time.Duration) (Reply, error) {
	timer := time.NewTimer(d + 2*Patience)
	defer timer.Stop()
	select {
	case r := <-p.replies:
		switch {
		case r.Cant:
			return r, fmt.Errorf("%s%w", strings.TrimSuffix(r.Err, errors.ErrUnsupported.Error()), errors.ErrUnsupported)
		case r.Err != "":
			return r, errors.New(r.Err)
		}
		return r, nil
	case <-p.done:
		return Reply{}, fmt.Errorf("a process of the measurement ended: %v: %s", p.cmd.ProcessState, p.stderr.Bytes())
	case <-ctx.Done():
		return Reply{}, context.Cause(ctx)
	case <-timer.C:
		return Reply{}, fmt.Errorf("a process of the measurement hangs: %w", os.ErrDeadlineExceeded)
	}
}

// Ask writes a step and returns its answer.
func (p *Process) Ask(ctx context.Context, s Step) (Reply, error) {
	if err := p.Tell(s); err != nil {
		return Reply{}, err
	}
	return p.Hear(ctx, s.Warm+s.For)
}

// Kill kills the process without waiting for its end.
func (p *Process) Kill() error { return p.cmd.Process.Kill() }

// End kills the process, and returns when it has ended.
func (p *Process) End() {
	_ = p.cmd.Process.Kill()
	_ = p.stdin.Close()
	for {
		select {
		case <-p.replies: // an answer that is not waited for
		case <-p.done:
			return
		}
	}
}
