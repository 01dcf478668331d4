package main

import (
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/children"
)

// watchStops tells, until stop is called, of commands that a signal has stopped:
// recv waits for those too, however long they stand still.
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

// stopped returns the commands that have stopped since the last call, but for those
// that the terminal has stopped: it stops recv as well, and the shell tells.
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
