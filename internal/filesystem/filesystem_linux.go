package filesystem

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/eintr"
)

// Stat returns the kind of file system that an open file or directory is on, and the
// result of statfs.
func Stat(fd int) (Kind, unix.Statfs_t, error) {
	var st unix.Statfs_t
	err := eintr.Retry(func() error { return unix.Fstatfs(fd, &st) })
	return Of(uint32(st.Type)), st, err
}

// Explain adds the file system, the operation that it refused, and advice to an error
// that the file system may have caused. It returns other errors unchanged. fd refers to
// the file or the directory.
func Explain(fd int, dir, refused string, err error) error {
	if !unsupported(err) {
		return err
	}
	k, _, serr := Stat(fd)
	if serr != nil {
		return err
	}
	return k.explain(dir, refused, err)
}

// unsupported reports whether file systems return this error for features that they lack.
func unsupported(err error) bool {
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
