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

	"github.com/shmchan/shmchan/cmd/shmchan/internal/children"
	"github.com/shmchan/shmchan/ipc"
)

// blockedSender sends for ever, and says what its process used meanwhile.
type blockedSender struct {
	s    *ipc.Sender
	spec spec
	who  int
}

func openBlocked(a *actor, s step) (end, error) {
	if s.Side == receiving {
		return openFair(a, s)
	}
	sender, err := a.attach(slowName, s.Spec)
	return &blockedSender{sender, s.Spec, s.Side}, err
}

func (e *blockedSender) close() error { return e.s.Close() }

func (e *blockedSender) run(s step) (reply, error) {
	sent := make(chan error, 1)
	go func() { sent <- e.sends() }()
	r := during(s, false)
	return r, ignoreDisconnected(<-sent)
}

func (e *blockedSender) sends() error {
	msg := newMessage(e.spec.Size, e.who)
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

// The same with a pipe: each sender's process has dd write to it, which is what is
// measured, and the receiver reads.
type pipeReader struct {
	f    *os.File
	spec spec
}

type pipeWriter struct {
	f    *os.File
	spec spec
}

func openBlockedPipe(a *actor, s step) (end, error) {
	path := filepath.Join(a.dir, "blocked")
	if err := makeFIFO(path); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	flag := os.O_WRONLY
	if s.Side == receiving {
		flag = os.O_RDONLY
	}
	fd, err := syscall.Open(path, flag|syscall.O_CLOEXEC, 0) // waits for the other side's
	if err != nil {
		return nil, os.NewSyscallError("open", err)
	}
	f := os.NewFile(uintptr(fd), path)
	if s.Side == receiving {
		return &pipeReader{f, s.Spec}, nil
	}
	return &pipeWriter{f, s.Spec}, nil
}

func (e *pipeReader) close() error { return ignoreClosed(e.f.Close()) }
func (e *pipeWriter) close() error { return ignoreClosed(e.f.Close()) }

func (e *pipeReader) run(s step) (reply, error) {
	start := time.Now()
	warm, end := start.Add(s.Warm), start.Add(s.Warm+s.For)
	p, buf, r := newPacer(e.spec), make([]byte, e.spec.Size), reply{}
	for time.Now().Before(end) {
		p.pause()
		if _, err := io.ReadFull(e.f, buf); err != nil {
			return reply{}, err
		}
		if time.Now().After(warm) {
			r.Count++
		}
	}
	r.Took = time.Since(warm)
	time.Sleep(afterwards)
	return r, e.f.Close() // SIGPIPE ends the writers
}

func (e *pipeWriter) run(s step) (reply, error) {
	dd := exec.Command("dd", "if=/dev/zero", "bs="+strconv.Itoa(e.spec.Size), "status=none")
	dd.Stdout = e.f
	if err := children.Start(dd); err != nil {
		return reply{}, missing(err)
	}
	used := func() load {
		cpu, _ := processorTimeOf(dd.Process.Pid)
		return load{time.Now(), cpu, wakesOf(strconv.Itoa(dd.Process.Pid), true)}
	}
	time.Sleep(s.Warm)
	from := used()
	time.Sleep(s.For)
	to := used()
	r := reply{Took: to.at.Sub(from.at), CPU: to.cpu - from.cpu, Wakes: to.wakes - from.wakes}
	_ = children.Wait(dd) // the signal is how it ends
	return r, nil
}
