package peer

import (
	"os"

	"golang.org/x/sys/unix"
)

// MakeFIFO creates a FIFO.
func MakeFIFO(path string) error { return unix.Mkfifo(path, 0o600) }

// roomyPipe enlarges the buffer of a pipe, if a user may have it that large.
func roomyPipe(f *os.File) { _, _ = unix.FcntlInt(f.Fd(), unix.F_SETPIPE_SZ, roomyBytes) }
