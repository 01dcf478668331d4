package peer

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// Pipes and sockets are used through blocking descriptors. If one goroutine waits for
// one descriptor, it wakes sooner than by the runtime's poller, and carries as much.

// openPipe opens two FIFOs, there and back. Each open waits until the other side opens
// the same FIFO.
func openPipe(dir string, s worker.Step) (Wire, error) {
	var files [2]*os.File
	for i, way := range worker.Ways {
		path := filepath.Join(dir, way)
		if err := MakeFIFO(path); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, err
		}
		flag := os.O_RDONLY
		if (s.Side == worker.Sending) == (i == 0) { // the sending side writes there
			flag = os.O_WRONLY
		}
		fd, err := syscall.Open(path, flag|syscall.O_CLOEXEC, 0)
		if err != nil {
			return nil, os.NewSyscallError("open", err)
		}
		files[i] = os.NewFile(uintptr(fd), path)
		if s.Spec.Size >= large {
			roomyPipe(files[i])
		}
	}
	there, back := files[0], files[1]
	if s.Side == worker.Sending {
		return newStream(back, there, there.Close, s.Spec.Size), nil
	}
	return newStream(there, back, back.Close, s.Spec.Size), nil
}

// Messages from large on want larger buffers in the kernel than there are by
// default: as large as a user may have them.
const (
	large      = 64 << 10
	roomyBytes = 1 << 20
)

func openSocket(dir string, s worker.Step) (Wire, error) {
	network := map[string]string{Unix: "unix", Seqpacket: "unixpacket"}[s.Spec.Via]
	address := &net.UnixAddr{Name: filepath.Join(dir, "socket"), Net: network}
	var conn *net.UnixConn
	var err error
	if s.Side == worker.Sending {
		conn, err = dial(network, address)
	} else {
		conn, err = accept(network, address)
	}
	if err != nil {
		return nil, err
	}
	if s.Spec.Size >= large {
		// The kernel reduces it to what a user may have.
		err = errors.Join(conn.SetWriteBuffer(roomyBytes), conn.SetReadBuffer(roomyBytes))
	}
	f, ferr := conn.File()
	if err = errors.Join(err, ferr, conn.Close()); err != nil {
		return nil, err
	}
	if f, err = blocking(f); err != nil {
		return nil, err
	}
	if s.Spec.Via == Seqpacket {
		return &packet{f, make([]byte, s.Spec.Size+1)}, nil
	}
	return newStream(f, f, func() error { return closeWrite(f) }, s.Spec.Size), nil
}

// blocking returns f in blocking mode: a read occupies a thread.
func blocking(f *os.File) (*os.File, error) {
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(fd)
	if err := errors.Join(f.Close(), syscall.SetNonblock(fd, false)); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

func closeWrite(f *os.File) error { return syscall.Shutdown(int(f.Fd()), syscall.SHUT_WR) }

func accept(network string, address *net.UnixAddr) (*net.UnixConn, error) {
	l, err := net.ListenUnix(network, address)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	if err := l.SetDeadline(time.Now().Add(worker.Patience)); err != nil {
		return nil, err
	}
	return l.AcceptUnix()
}

// dial connects as soon as the other side listens.
func dial(network string, address *net.UnixAddr) (*net.UnixConn, error) {
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		conn, err := net.DialUnix(network, nil, address)
		if err == nil || time.Since(start) > worker.Patience {
			return conn, err
		}
	}
}
