package nowait

import (
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/filesystem"
)

// Reader reads from a file without waiting. It is not safe for concurrent use. A nil Reader
// never reads anything.
type Reader struct {
	raw    syscall.RawConn
	memory bool // the file is in memory: reads never wait
	into   [1][]byte
	n      int
	err    error
	try    func(fd uintptr) bool // read; stored, as a new closure would allocate
}

// New returns a Reader of r, or nil if r is not a file.
func New(r io.Reader) *Reader {
	f, ok := r.(*os.File)
	if !ok {
		return nil
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return nil
	}
	n := &Reader{raw: raw}
	n.try = n.read
	if raw.Control(func(fd uintptr) { n.memory = inMemory(int(fd)) }) != nil {
		return nil
	}
	return n
}

func inMemory(fd int) bool {
	var file unix.Stat_t
	var on unix.Statfs_t
	return unix.Fstat(fd, &file) == nil && file.Mode&unix.S_IFMT == unix.S_IFREG &&
		unix.Fstatfs(fd, &on) == nil && filesystem.Of(uint32(on.Type)).Memory
}

// Read reads like an io.Reader, if that is possible without waiting. Otherwise it reads
// nothing and returns ok == false; an ordinary read then waits, fails or returns the end.
func (r *Reader) Read(p []byte) (n int, ok bool, err error) {
	if r == nil || r.raw == nil || len(p) == 0 {
		return 0, false, nil
	}
	r.into[0] = p
	err = r.raw.Read(r.try)
	r.into[0] = nil
	switch {
	case err != nil:
		return 0, false, nil
	case r.err == nil && r.n == 0 && r.memory:
		return 0, true, io.EOF
	case r.err == nil && r.n == 0:
		return 0, false, nil // the end, or Linux 5.9 or 5.10, which return 0 instead of EAGAIN
	case r.err == nil:
		return r.n, true, nil
	case r.err != unix.EAGAIN && r.err != unix.EINTR:
		r.raw = nil // not supported: the file is a FIFO, or the kernel older than 4.14
	}
	return 0, false, nil
}

// atPosition is the offset that means the position of the file.
const atPosition = -1

func (r *Reader) read(fd uintptr) bool {
	if r.memory {
		r.n, r.err = unix.Read(int(fd), r.into[0])
	} else {
		r.n, r.err = unix.Preadv2(int(fd), r.into[:], atPosition, unix.RWF_NOWAIT)
	}
	return true
}
