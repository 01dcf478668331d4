//go:build linux

package peer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// mq is a pair of POSIX message queues, there and back, each as deep as an unprivileged
// user may have it.
type mq struct {
	quit    *atomic.Uint64 // 1: the receiver stops the sender
	in, out int
	msg     []byte
}

// mqAttr is struct mq_attr.
type mqAttr struct {
	flags, maxMsg, msgSize, curMsgs int
	_                               [4]int
}

func openMq(dir string, quit *atomic.Uint64, s worker.Step) (Wire, error) {
	depth, err := mqLimit("msg_max")
	if err != nil {
		return nil, err
	}
	most, err := mqLimit("msgsize_max")
	if err != nil {
		return nil, err
	}
	if s.Spec.Size > most {
		return nil, fmt.Errorf("a message queue takes up to %d bytes here: %w", most, errors.ErrUnsupported)
	}
	q := &mq{quit: quit, msg: make([]byte, s.Spec.Size)}
	var fds [2]int
	for i, way := range worker.Ways {
		if fds[i], err = mqOpen(mqName(dir, way), &mqAttr{maxMsg: depth, msgSize: s.Spec.Size}); err != nil {
			return nil, err
		}
	}
	q.in, q.out = fds[0], fds[1]
	if s.Side == worker.Sending {
		q.in, q.out = q.out, q.in
	}
	return q, nil
}

// mqLimit reads a limit of the system.
func mqLimit(name string) (int, error) {
	raw, err := os.ReadFile(filepath.Join("/proc/sys/fs/mqueue", name))
	if errors.Is(err, os.ErrNotExist) {
		return 0, fmt.Errorf("no message queues here: %w", errors.ErrUnsupported)
	}
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(raw)))
}

func mqOpen(name string, attr *mqAttr) (int, error) {
	p, err := unix.BytePtrFromString(name)
	if err != nil {
		return -1, err
	}
	fd, _, errno := unix.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(p)),
		unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600, uintptr(unsafe.Pointer(attr)), 0, 0)
	switch errno {
	case 0:
	case unix.EACCES, unix.EPERM, unix.ENOSYS:
		return -1, fmt.Errorf("message queues are not permitted here: mq_open: %w: %w", errno, errors.ErrUnsupported)
	default:
		return -1, fmt.Errorf("mq_open: %w", errno)
	}
	return int(fd), nil
}

// call makes a system call with the arguments of mq_timedsend, without a timeout.
func (q *mq) call(number uintptr, fd int, msg []byte) (int, error) {
	for {
		n, _, errno := unix.Syscall6(number, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(msg))), uintptr(len(msg)), 0, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR: // also how the Go scheduler interrupts
		default:
			return 0, fmt.Errorf("message queue: %w", errno)
		}
	}
}

// A message queue does not report that the other side has closed. So an empty message
// ends one direction, and a shared word asks for it.

func (q *mq) Send(frame []byte) error {
	if q.quit.Load() == 1 {
		return errors.Join(io.EOF, q.Over())
	}
	_, err := q.call(unix.SYS_MQ_TIMEDSEND, q.out, frame[lengthBytes:])
	return err
}

func (q *mq) Recv() ([]byte, error) {
	n, err := q.call(unix.SYS_MQ_TIMEDRECEIVE, q.in, q.msg)
	if err == nil && n == 0 {
		err = io.EOF
	}
	return q.msg[:n], err
}

func (q *mq) Over() error {
	_, err := q.call(unix.SYS_MQ_TIMEDSEND, q.out, nil)
	return err
}

func (q *mq) Enough() error {
	q.quit.Store(1)
	for {
		if _, err := q.Recv(); err != nil {
			return IgnoreEOF(err)
		}
	}
}

func (q *mq) Close() error { return errors.Join(unix.Close(q.in), unix.Close(q.out)) }

// mqName returns a name that is as unique as the directory.
func mqName(dir, way string) string {
	return strings.ReplaceAll(strings.TrimPrefix(dir, "/dev/shm/"), "/", "-") + "-" + way
}

// ForgetQueues removes the names of a directory's message queues, if there are any. The
// queues themselves last as long as they are open.
func ForgetQueues(dir string) {
	for _, way := range worker.Ways {
		if p, err := unix.BytePtrFromString(mqName(dir, way)); err == nil {
			_, _, _ = unix.Syscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(p)), 0, 0)
		}
	}
}
