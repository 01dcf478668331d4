package main

import (
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/children"
)

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
