package bench

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/peer"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/children"
	"github.com/shmchan/shmchan/ipc"
)

// blockedSender sends until the receiver closes, and measures what its process uses.
type blockedSender struct {
	s    *ipc.Sender
	spec worker.Spec
	who  int
}

func openBlocked(a *self, s worker.Step) (worker.Part, error) {
	if s.Side == worker.Receiving {
		return openFair(a, s)
	}
	sender, err := a.attach(slowName, s.Spec)
	return &blockedSender{sender, s.Spec, s.Side}, err
}

func (e *blockedSender) Close() error { return e.s.Close() }

func (e *blockedSender) Run(s worker.Step) (worker.Reply, error) {
	sent := make(chan error, 1)
	go func() { sent <- e.sends() }()
	r := measure.During(s, false)
	return r, ignoreDisconnected(<-sent)
}

func (e *blockedSender) sends() error {
	msg := measure.NewMessage(e.spec.Size, e.who)
	for {
		ctx, cancel := context.Background(), func() {}
		if e.spec.Timeout > 0 {
			ctx, cancel = context.WithTimeout(ctx, e.spec.Timeout)
		}
		err := e.s.Send(ctx, msg)
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
}

// pipeReader and pipeWriter do the same through a pipe. Each sender's process starts a
// dd that writes to the pipe, and measures what that uses.
type pipeReader struct {
	f    *os.File
	spec worker.Spec
}

type pipeWriter struct {
	f    *os.File
	spec worker.Spec
}

func openBlockedPipe(a *self, s worker.Step) (worker.Part, error) {
	path := filepath.Join(a.dir, "blocked")
	if err := peer.MakeFIFO(path); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	flag := os.O_WRONLY
	if s.Side == worker.Receiving {
		flag = os.O_RDONLY
	}
	fd, err := syscall.Open(path, flag|syscall.O_CLOEXEC, 0) // waits until the other side opens it
	if err != nil {
		return nil, os.NewSyscallError("open", err)
	}
	f := os.NewFile(uintptr(fd), path)
	if s.Side == worker.Receiving {
		return &pipeReader{f, s.Spec}, nil
	}
	return &pipeWriter{f, s.Spec}, nil
}

func (e *pipeReader) Close() error { return peer.IgnoreClosed(e.f.Close()) }
func (e *pipeWriter) Close() error { return peer.IgnoreClosed(e.f.Close()) }

func (e *pipeReader) Run(s worker.Step) (worker.Reply, error) {
	start := time.Now()
	warm, end := start.Add(s.Warm), start.Add(s.Warm+s.For)
	p, buf, r := measure.NewPacer(e.spec), make([]byte, e.spec.Size), worker.Reply{}
	for time.Now().Before(end) {
		p.Pause()
		if _, err := io.ReadFull(e.f, buf); err != nil {
			return worker.Reply{}, err
		}
		if time.Now().After(warm) {
			r.Count++
		}
	}
	r.Took = time.Since(warm)
	time.Sleep(afterwards)
	return r, e.f.Close() // SIGPIPE ends the writers
}

func (e *pipeWriter) Run(s worker.Step) (worker.Reply, error) {
	dd := exec.Command("dd", "if=/dev/zero", "bs="+strconv.Itoa(e.spec.Size), "status=none")
	dd.Stdout = e.f
	if err := children.Start(dd); err != nil {
		return worker.Reply{}, missing(err)
	}
	time.Sleep(s.Warm)
	from := measure.LoadOf(dd.Process.Pid)
	time.Sleep(s.For)
	r := from.To(measure.LoadOf(dd.Process.Pid))
	_ = children.Wait(dd) // it ends by the signal
	return r, nil
}
