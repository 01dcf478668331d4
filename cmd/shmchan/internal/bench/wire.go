package bench

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// wire is what a peer of the channel gives a process: whole messages there and
// back.
type wire interface {
	// send sends what newFrame made.
	send(frame []byte) error
	// recv returns the next message, which is valid until the next call; io.EOF
	// when the other side will send no more.
	recv() ([]byte, error)
	// over says that this side will send no more.
	over() error
	// enough makes the other side's send fail: this one will receive no more.
	enough() error
	Close() error
}

// ways are the two directions between a pair, as names.
var ways = [...]string{"there", "back"}

// What spec.Via says: what a peer sends through.
const (
	viaPipe      = "pipe"
	viaUnix      = "unix"
	viaSeqpacket = "seqpacket"
	viaMq        = "mq"
)

func (a *actor) openWire(s step) (wire, error) {
	switch s.Spec.Via {
	case viaPipe:
		return openPipe(a.dir, s)
	case viaUnix, viaSeqpacket:
		return openSocket(a.dir, s)
	case viaMq:
		return openMq(a, s)
	}
	return nil, fmt.Errorf("no peer %q", s.Spec.Via)
}

// lengthBytes go before each message in a stream.
const lengthBytes = 4

// newFrame is a message with its length before it, so that one write sends both.
func newFrame(size, who int) (frame, msg []byte) {
	frame = append(make([]byte, lengthBytes), newMessage(size, who)...)
	binary.LittleEndian.PutUint32(frame, uint32(size))
	return frame, frame[lengthBytes:]
}

// stream carries messages over bytes: a write a message, buffered reads. Writes
// that wait in a buffer for others would be another promise: a message of which
// Send has returned is on its way.
type stream struct {
	w    io.WriteCloser
	r    *bufio.Reader
	from io.Closer
	end  func() error
	msg  []byte
}

func newStream(r io.ReadCloser, w io.WriteCloser, end func() error, size int) *stream {
	return &stream{w, bufio.NewReaderSize(r, 64<<10), r, end, make([]byte, size)}
}

func (s *stream) send(frame []byte) error {
	_, err := s.w.Write(frame)
	return err
}

func (s *stream) recv() ([]byte, error) {
	head, err := s.r.Peek(lengthBytes)
	if err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(head)
	if int(n) > len(s.msg) {
		return nil, errors.New("a length is damaged")
	}
	if _, err := s.r.Discard(lengthBytes); err != nil {
		return nil, err
	}
	_, err = io.ReadFull(s.r, s.msg[:n])
	return s.msg[:n], err
}

func (s *stream) over() error   { return s.end() }
func (s *stream) enough() error { return s.Close() }

func (s *stream) Close() error {
	return errors.Join(ignoreClosed(s.w.Close()), ignoreClosed(s.from.Close()))
}

// packet carries messages over a socket that keeps them apart.
type packet struct {
	conn *os.File
	msg  []byte
}

func (p *packet) send(frame []byte) error {
	_, err := p.conn.Write(frame[lengthBytes:])
	return err
}

func (p *packet) recv() ([]byte, error) {
	n, err := p.conn.Read(p.msg)
	return p.msg[:max(n, 0)], err
}

func (p *packet) over() error   { return closeWrite(p.conn) }
func (p *packet) enough() error { return p.Close() }
func (p *packet) Close() error  { return ignoreClosed(p.conn.Close()) }

// Pipes and sockets are used through blocking descriptors: where one goroutine
// waits for one descriptor that wakes sooner than by the runtime's poller does,
// and carries as much.

// openPipe opens two FIFOs, there and back. An open waits for the other side's.
func openPipe(dir string, s step) (wire, error) {
	var files [2]*os.File
	for i, way := range ways {
		path := filepath.Join(dir, way)
		if err := makeFIFO(path); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, err
		}
		flag := os.O_RDONLY
		if (s.Side == sending) == (i == 0) { // the sending side writes there
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
	if s.Side == sending {
		return newStream(back, there, there.Close, s.Spec.Size), nil
	}
	return newStream(there, back, back.Close, s.Spec.Size), nil
}

// large messages want larger buffers in the kernel than there are by default.
const large = 64 << 10

func openSocket(dir string, s step) (wire, error) {
	network := map[string]string{viaUnix: "unix", viaSeqpacket: "unixpacket"}[s.Spec.Via]
	address := &net.UnixAddr{Name: filepath.Join(dir, "socket"), Net: network}
	var conn *net.UnixConn
	var err error
	if s.Side == sending {
		conn, err = dial(network, address)
	} else {
		conn, err = accept(network, address)
	}
	if err != nil {
		return nil, err
	}
	if s.Spec.Size >= large {
		// As much as a user may have; the kernel cuts what is more.
		err = errors.Join(conn.SetWriteBuffer(ringBytes), conn.SetReadBuffer(ringBytes))
	}
	f, ferr := conn.File()
	if err = errors.Join(err, ferr, conn.Close()); err != nil {
		return nil, err
	}
	if f, err = blocking(f); err != nil {
		return nil, err
	}
	if s.Spec.Via == viaSeqpacket {
		return &packet{f, make([]byte, s.Spec.Size+1)}, nil
	}
	return newStream(f, f, func() error { return closeWrite(f) }, s.Spec.Size), nil
}

// blocking is f for a thread of its own to wait on.
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
	if err := l.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	return l.AcceptUnix()
}

// dial waits for the other side to listen.
func dial(network string, address *net.UnixAddr) (*net.UnixConn, error) {
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		conn, err := net.DialUnix(network, nil, address)
		if err == nil || time.Since(start) > patience {
			return conn, err
		}
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// gone tells whether a write failed because the other side has closed.
func gone(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF)
}
