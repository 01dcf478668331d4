package peer

import (
	"os"

	"golang.org/x/sys/unix"
)

func MakeFIFO(path string) error { return unix.Mkfifo(path, 0o600) }

// roomyPipe gives a pipe as much room as a user may have, or leaves it.
func roomyPipe(f *os.File) { _, _ = unix.FcntlInt(f.Fd(), unix.F_SETPIPE_SZ, roomyBytes) }
