package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/shmchan/shmchan/internal/children"
	"github.com/shmchan/shmchan/ipc"
)

// errCommand: the command of --exec has failed.
var errCommand = errors.New("the command failed")

// stdinPatience is how long a command's end waits for what it left running to
// take the rest of the message.
const stdinPatience = time.Second

// spawner starts the command of --exec. A command gets a process group of its own:
// a terminal's ^C is for recv, which then lets the commands in hand finish.
type spawner struct {
	*app
	command string
	env     []string

	mu      sync.Mutex
	running map[*job]bool
}

// job is a message whose command was started.
type job struct {
	cmd  *exec.Cmd
	from ipc.Meta
	size uint64        // of the message
	done chan struct{} // closed when it has ended
	err  error         // valid then
}

func (s *spawner) init(a *app, command string) {
	s.app, s.command, s.running = a, command, map[*job]bool{}
	s.env = append(os.Environ(), "SHMCHAN_NAME="+a.name)
	if a.dir != "" { // so that a shmchan in the command finds the same channels
		if dir, err := filepath.Abs(a.dir); err == nil {
			s.env = append(s.env, "SHMCHAN_DIR="+dir)
		}
	}
	a.onAbort(s.abort)
}

// start runs the command with the message, which is the job's from then on, on its
// stdin. When it has ended, ended gets a token unless it holds one.
func (s *spawner) start(msg []byte, from ipc.Meta, ended chan<- struct{}) (*job, error) {
	j := &job{cmd: exec.Command("sh", "-c", s.command), from: from, size: uint64(len(msg)), done: make(chan struct{})}
	j.cmd.Env = append(s.env[:len(s.env):len(s.env)],
		"SHMCHAN_SEQ="+strconv.FormatUint(from.Seq, 10),
		"SHMCHAN_SENDER="+strconv.Itoa(from.Slot),
		"SHMCHAN_PID="+strconv.Itoa(from.PID))
	j.cmd.Stdin = bytes.NewReader(msg)
	j.cmd.Stdout, j.cmd.Stderr = s.stdout, s.screen()
	j.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	j.cmd.WaitDelay = stdinPatience
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := children.Start(j.cmd); err != nil {
		return nil, because(errors.Join(errCommand, err), "message %d (sender %d, pid %d): its command can't be started: %v; it was not taken",
			from.Seq, from.Slot, from.PID, err)
	}
	s.running[j] = true
	go func() {
		err := children.Wait(j.cmd)
		if errors.Is(err, exec.ErrWaitDelay) { // it succeeded, and needed no more of its stdin
			err = nil
		}
		s.mu.Lock()
		delete(s.running, j)
		s.mu.Unlock()
		j.err = err
		s.detail("message %d: %s", from.Seq, outcome(err)) // before done: recv may end then
		close(j.done)
		select {
		case ended <- struct{}{}:
		default:
		}
	}()
	return j, nil
}

func outcome(err error) string {
	if err == nil {
		return "the command succeeded"
	}
	return "the command failed: " + err.Error()
}

// abort sends the commands that are running the signal that ends recv at once.
func (s *spawner) abort(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for j := range s.running {
		_ = syscall.Kill(-j.cmd.Process.Pid, sig) // it may have ended just now
	}
}

// over tells whether the command has ended.
func (j *job) over() bool {
	select {
	case <-j.done:
		return true
	default:
		return false
	}
}

// failure says which message's command failed, and how. Precondition: over.
func (j *job) failure() error {
	if j.err == nil {
		return nil
	}
	return because(errors.Join(errCommand, j.err), "message %d (sender %d, pid %d): its command failed: %v; it was not taken",
		j.from.Seq, j.from.Slot, j.from.PID, j.err)
}
