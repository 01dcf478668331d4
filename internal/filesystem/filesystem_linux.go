package filesystem

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Stat returns the kind of file system that an open file or directory is on, and
// what statfs says of it.
func Stat(fd int) (Kind, unix.Statfs_t, error) {
	var st unix.Statfs_t
	err := uninterrupted(func() error { return unix.Fstatfs(fd, &st) })
	return Of(uint32(st.Type)), st, err
}

// uninterrupted repeats a call that a signal interrupted, up to 100 times.
func uninterrupted(call func() error) error {
	const tries = 100
	err := error(unix.EINTR)
	for n := 0; n < tries && err == unix.EINTR; n++ {
		err = call()
	}
	return err
}

// Explain names the file system in an error that may be owed to it: what it
// refused, and what to do. Other errors are returned as they are. fd is the
// file's or the directory's.
func Explain(fd int, dir, refused string, err error) error {
	if !owed(err) {
		return err
	}
	k, _, serr := Stat(fd)
	if serr != nil {
		return err
	}
	return k.explain(dir, refused, err)
}

// owed reports whether a file system returns this error for what it does not
// have.
func owed(err error) bool {
	for _, e := range []error{
		unix.EINVAL, unix.ENODEV, unix.EOPNOTSUPP, unix.ENOSYS, unix.ENOLCK, unix.ENOTTY, unix.EMLINK, unix.EXDEV,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (k Kind) explain(dir, refused string, err error) error {
	if refusal := k.Refuse(dir, err); refusal != nil {
		return refusal
	}
	return fmt.Errorf("%s is on %s, which refuses %s; %s: %w", dir, k.Name, refused, advice, err)
}
