package filelock

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/filesystem"
)

// TryLock takes the n bytes from byte start exclusively for fd's open file. It
// reports false if another open file holds one of them, and never blocks.
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

// Unlock gives the n bytes from byte start back.
func Unlock(fd int, start, n int64) error {
	lk := unix.Flock_t{Type: unix.F_UNLCK, Start: start, Len: n}
	if err := retry(fd, unix.F_OFD_SETLK, &lk); err != nil {
		return explain(fd, "unlock", start, n, err)
	}
	return nil
}

// Held reports whether an open file other than fd's holds one of the n bytes
// from byte start, and which one it met. It takes nothing, so nobody looks alive
// because of it.
func Held(fd int, start, n int64) (held bool, at int64, err error) {
	lk := unix.Flock_t{Type: unix.F_WRLCK, Start: start, Len: n}
	if err := retry(fd, unix.F_OFD_GETLK, &lk); err != nil {
		return false, 0, explain(fd, "probe", start, n, err)
	}
	return lk.Type != unix.F_UNLCK, max(lk.Start, start), nil
}

// explain says what is missing where the kernel, a filter before it or the file
// system knows no such locks.
func explain(fd int, what string, start, n int64, err error) error {
	switch err {
	case unix.EINVAL, unix.ENOSYS, unix.EPERM, unix.EACCES, unix.ENOLCK, unix.EOPNOTSUPP:
		on := ""
		if kind, _, serr := filesystem.Stat(fd); serr == nil {
			on = ", on " + kind.Name
		}
		return fmt.Errorf("%s bytes %d+%d: locks of open file descriptions (fcntl F_OFD_SETLK, Linux 3.15) are refused here%s: %w", what, start, n, on, err)
	}
	return fmt.Errorf("%s bytes %d+%d: %w", what, start, n, err)
}

// maxInterrupted bounds how often a call is tried again that a signal interrupted.
// None of them blocks on a local file system, so that once more is enough.
const maxInterrupted = 100

func retry(fd, cmd int, lk *unix.Flock_t) error {
	return uninterrupted(func() error { return unix.FcntlFlock(uintptr(fd), cmd, lk) })
}

// uninterrupted calls fn again while a signal interrupts it, up to the bound.
func uninterrupted(fn func() error) (err error) {
	for range maxInterrupted {
		if err = fn(); err != unix.EINTR {
			break
		}
	}
	return err
}
