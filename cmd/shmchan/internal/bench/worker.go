package bench

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

// self is this executable, also when its path is not there any more.
const self = "/proc/self/exe"

// worker is a process in a role, seen from its parent.
type worker struct {
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	steps   *json.Encoder
	replies chan reply
	done    chan struct{} // closed when it has ended
	stderr  bytes.Buffer  // to be read when it has ended
}

// startWorker starts this executable in a role. It ends with its parent, however
// that ends.
func startWorker(dir string) (*worker, error) {
	w := &worker{
		cmd:     &exec.Cmd{Path: self, Args: os.Args[:1]},
		replies: make(chan reply, 1),
		done:    make(chan struct{}),
	}
	w.cmd.Env = append(os.Environ(), roleEnv+"="+dir)
	w.cmd.Stderr = &w.stderr
	// A group of its own: an interrupt from the terminal is for the parent, which
	// ends the measurement in good order.
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	if w.stdin, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, w.stdin.Close())
	}
	if err := children.Start(w.cmd); err != nil {
		return nil, err
	}
	w.steps = json.NewEncoder(w.stdin)
	go w.listen(stdout)
	return w, nil
}

func (w *worker) listen(stdout io.Reader) {
	defer close(w.done)
	for replies := json.NewDecoder(stdout); ; {
		var r reply
		if replies.Decode(&r) != nil {
			break
		}
		w.replies <- r
	}
	_ = children.Wait(w.cmd) // the state says all
}

func (w *worker) tell(s step) error { return w.steps.Encode(s) }

// hear returns the answer to a step that takes up to d.
func (w *worker) hear(ctx context.Context, d time.Duration) (reply, error) {
	timer := time.NewTimer(d + 2*patience)
	defer timer.Stop()
	select {
	case r := <-w.replies:
		switch {
		case r.Cant:
			return r, fmt.Errorf("%s%w", strings.TrimSuffix(r.Err, errors.ErrUnsupported.Error()), errors.ErrUnsupported)
		case r.Err != "":
			return r, errors.New(r.Err)
		}
		return r, nil
	case <-w.done:
		return reply{}, fmt.Errorf("a process of the measurement ended: %v: %s", w.cmd.ProcessState, w.stderr.Bytes())
	case <-ctx.Done():
		return reply{}, context.Cause(ctx)
	case <-timer.C:
		return reply{}, fmt.Errorf("a process of the measurement hangs: %w", os.ErrDeadlineExceeded)
	}
}

func (w *worker) ask(ctx context.Context, s step) (reply, error) {
	if err := w.tell(s); err != nil {
		return reply{}, err
	}
	return w.hear(ctx, s.Warm+s.For)
}

// end kills the process if it has not ended, and returns when it is gone.
func (w *worker) end() {
	_ = w.cmd.Process.Kill()
	_ = w.stdin.Close()
	for {
		select {
		case <-w.replies: // nobody listens any more
		case <-w.done:
			return
		}
	}
}
