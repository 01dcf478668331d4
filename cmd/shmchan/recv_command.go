package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/children"
	"github.com/shmchan/shmchan/ipc"
)

// errCommand reports that a command of --exec failed.
var errCommand = errors.New("the command failed")

// stdinPatience limits how long descendants of a command may read the rest of the message
// after the command has ended.
const stdinPatience = time.Second

// spawner starts the command of --exec.
//
// If there is a controlling terminal, commands run in the process group of recv, as those
// of xargs do. Only the foreground group may read a terminal, so the prompts of ssh and
// sudo work if recv is in the foreground, ^Z and fg apply to all processes, and ^C
// reaches the commands too. Without a terminal, each command has its own process group. A
// signal to the group of recv, such as that of timeout, then reaches only recv, which
// waits for the running commands.
type spawner struct {
	*app
	command string
	env     []string
	shared  bool // commands run in the process group of recv

	mu      sync.Mutex
	running map[*job]bool
}

// job is a message whose command was started.
type job struct {
	cmd  *exec.Cmd
	name string // of the channel
	from ipc.Meta
	size uint64        // of the message
	done chan struct{} // closed when it has ended

	// Valid once done is closed:
	err       error
	unstarted bool // the command could not be started
}

func (s *spawner) init(a *app, command string) {
	s.app, s.command, s.running = a, command, map[*job]bool{}
	s.env = os.Environ()
	if a.dir != "" { // so that a shmchan in the command finds the same channels
		if dir, err := filepath.Abs(a.dir); err == nil {
			s.env = append(s.env, "SHMCHAN_DIR="+dir)
		}
	}
	s.shared = hasTerminal()
	a.onAbort(s.abort)
}

// hasTerminal reports whether this process has a controlling terminal.
func hasTerminal() bool {
	tty, err := os.OpenFile("/dev/tty", os.O_RDONLY, 0)
	if err != nil {
		return false
	}
	_ = tty.Close()
	return true
}

// start runs the command, which reads msg from its stdin; the job keeps msg. When the
// command ends, start adds a token to ended unless there is one. If the command cannot
// be started, it counts as ended and failed.
func (s *spawner) start(msg []byte, name string, from ipc.Meta, ended chan<- struct{}) *job {
	j := &job{cmd: exec.Command("sh", "-c", s.command), name: name, from: from, size: uint64(len(msg)), done: make(chan struct{})}
	j.cmd.Env = append(s.env[:len(s.env):len(s.env)],
		"SHMCHAN_NAME="+name,
		"SHMCHAN_SEQ="+strconv.FormatUint(from.Seq, 10),
		"SHMCHAN_SENDER="+strconv.Itoa(from.Slot),
		"SHMCHAN_PID="+strconv.Itoa(from.PID))
	j.cmd.Stdin = bytes.NewReader(msg)
	j.cmd.Stdout, j.cmd.Stderr = s.stdout, s.screen()
	j.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: !s.shared}
	j.cmd.WaitDelay = stdinPatience
	if err := s.begin(j); err != nil {
		j.unstarted = true
		s.end(j, err, ended)
		return j
	}
	go func() {
		err := children.Wait(j.cmd)
		if errors.Is(err, exec.ErrWaitDelay) { // it succeeded without reading all of its stdin
			err = nil
		}
		s.mu.Lock()
		delete(s.running, j)
		s.mu.Unlock()
		s.end(j, err, ended)
	}()
	return j
}

func (s *spawner) begin(j *job) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := children.Start(j.cmd)
	if err == nil {
		s.running[j] = true
	}
	return err
}

// end records how the job has ended.
func (s *spawner) end(j *job, err error, ended chan<- struct{}) {
	j.err = err
	s.detailOf(j.name, "message %d: %s", j.from.Seq, j.outcome()) // before done: recv may exit after that
	close(j.done)
	select {
	case ended <- struct{}{}:
	default:
	}
}

// abort forwards the second signal to the running commands and their descendants. Any of
// them may already have ended.
func (s *spawner) abort(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for j := range s.running {
		to := []int{-j.cmd.Process.Pid} // its group
		if s.shared {
			to = children.Tree(j.cmd.Process.Pid)
		}
		for _, pid := range to {
			_ = syscall.Kill(pid, sig)
			_ = syscall.Kill(pid, syscall.SIGCONT) // a stopped process gets no other signal
		}
	}
}

// over reports whether the command has ended.
func (j *job) over() bool {
	select {
	case <-j.done:
		return true
	default:
		return false
	}
}

// outcome says how the command has ended. Precondition: err is set.
func (j *job) outcome() string {
	switch {
	case j.err == nil:
		return "the command succeeded"
	case j.unstarted:
		return "cannot start the command: " + j.err.Error()
	}
	return "the command failed: " + j.err.Error()
}

// failure returns the error of a failed command, which names its message. Precondition:
// over.
func (j *job) failure() error {
	if j.err == nil {
		return nil
	}
	return because(errors.Join(errCommand, j.err), "message %d (sender %d, pid %d): %s; the message was not received",
		j.from.Seq, j.from.Slot, j.from.PID, j.outcome())
}

// watchStops reports commands that a signal stops, until stop is called. recv waits for
// such commands too, however long that takes.
func (s *spawner) watchStops() (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGCHLD)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range signals {
			s.tellStopped()
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
		<-done
	}
}

func (s *spawner) tellStopped() {
	for _, j := range s.stopped() {
		target := strconv.Itoa(j.pid)
		if !s.shared {
			target = "-- -" + target // its group
		}
		s.sayOf(j.name, "message %d: the command was stopped; to resume it: kill -CONT %s", j.seq, target)
	}
}

type stoppedJob struct {
	name string
	seq  uint64
	pid  int
}

// stopped returns the commands that were stopped since the last call, except by the
// terminal. The terminal stops recv too, and the shell reports that.
func (s *spawner) stopped() (all []stoppedJob) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for j := range s.running {
		pid := j.cmd.Process.Pid
		sig := children.Stopped(pid)
		if sig != 0 && (!s.shared || sig == syscall.SIGSTOP) {
			all = append(all, stoppedJob{j.name, j.from.Seq, pid})
		}
	}
	return all
}
