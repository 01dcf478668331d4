package filelock

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/eintr"
	"github.com/shmchan/shmchan/internal/filesystem"
)

// TryLock locks the n bytes from byte start exclusively for fd's open file description.
// It returns false if another description holds a lock on one of them. It never blocks.
func TryLock(fd int, start, n int64) (bool, error) {
	lk := unix.Flock_t{Type: unix.F_WRLCK, Start: start, Len: n}
	err := retry(fd, unix.F_OFD_SETLK, &lk)
	if err == unix.EAGAIN { // never EACCES, which would be a security module's
		return false, nil
	}
	if err != nil {
		return false, explain(fd, "lock", start, n, err)
	}
	return true, nil
}

// Unlock unlocks the n bytes from byte start.
func Unlock(fd int, start, n int64) error {
	lk := unix.Flock_t{Type: unix.F_UNLCK, Start: start, Len: n}
	if err := retry(fd, unix.F_OFD_SETLK, &lk); err != nil {
		return explain(fd, "unlock", start, n, err)
	}
	return nil
}

// Held reports whether an open file description other than fd's holds a lock on one of
// the n bytes from byte start, and which byte. It takes no lock, so a probe never makes
// an endpoint look alive.
func Held(fd int, start, n int64) (held bool, at int64, err error) {
	lk := unix.Flock_t{Type: unix.F_WRLCK, Start: start, Len: n}
	if err := retry(fd, unix.F_OFD_GETLK, &lk); err != nil {
		return false, 0, explain(fd, "probe", start, n, err)
	}
	return lk.Type != unix.F_UNLCK, max(lk.Start, start), nil
}

// explain adds the cause to an error of a kernel, a seccomp filter or a file system that
// does not support these locks.
func explain(fd int, what string, start, n int64, err error) error {
	switch err {
	case unix.EINVAL, unix.ENOSYS, unix.EPERM, unix.EACCES, unix.ENOLCK, unix.EOPNOTSUPP:
		on := ""
		if kind, _, serr := filesystem.Stat(fd); serr == nil {
			on = ", on " + kind.Name
		}
		return fmt.Errorf("%s bytes %d+%d: open file description locks (fcntl F_OFD_SETLK, Linux 3.15) are refused here%s: %w", what, start, n, on, err)
	}
	return fmt.Errorf("%s bytes %d+%d: %w", what, start, n, err)
}

func retry(fd, cmd int, lk *unix.Flock_t) error {
	return eintr.Retry(func() error { return unix.FcntlFlock(uintptr(fd), cmd, lk) })
}
