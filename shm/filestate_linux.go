package shm

import (
	"errors"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/filesystem"
)

// While endpoints are attached, a channel's file may lose its name, and programs
// that clean up directories judge it by its times.

// FileState returns the state of the segment's file. It is one system call that
// resolves no path. A file that is not Linked can never be opened by a name again.
func (s *Segment) FileState() (FileState, error) {
	var st unix.Stat_t
	if err := unix.Fstat(s.fd, &st); err != nil {
		return FileState{}, &fs.PathError{Op: "stat", Path: s.Path(), Err: err}
	}
	older := min(st.Atim.Nano(), st.Mtim.Nano())
	return FileState{Linked: st.Nlink > 0, Age: time.Since(time.Unix(0, older))}, nil
}

// NameLost reports whether the place's path certainly means another file than this
// one, or none. It is one system call unless the name is lost. It returns false if
// it can't know: the path can't be searched, or this process has changed its root.
func (s *Segment) NameLost() bool {
	var st unix.Stat_t
	err := unix.Fstatat(unix.AT_FDCWD, s.Path(), &st, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case err == nil:
		if uint64(st.Dev) == s.dev && st.Ino == s.ino {
			return false
		}
	case !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR):
		return false
	}
	return s.root != rootID{} && s.root == rootNow()
}

// rootNow returns the process's current root directory, or the zero rootID if it
// can't be examined.
func rootNow() rootID {
	var st unix.Stat_t
	if unix.Stat("/", &st) != nil {
		return rootID{}
	}
	return rootID{uint64(st.Dev), st.Ino}
}

// Refresh sets the file's times to now. On a tmpfs, stores to a mapping do not, and
// programs that clean up by age would remove a channel in use.
func (s *Segment) Refresh() error {
	// This is futimens(fd, NULL), which package unix lacks. It requires permission
	// to write to the file, not ownership.
	if _, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(s.fd), 0, 0, 0, 0, 0); errno != 0 {
		return &fs.PathError{Op: "touch", Path: s.Path(), Err: errno}
	}
	return nil
}

// inMemory reports whether the file lies on a file system that does not outlive a
// boot.
func inMemory(fd int) (bool, error) {
	_, st, err := filesystem.Stat(fd) // bounded where signals keep interrupting it
	if err != nil {
		return false, &fs.PathError{Op: "statfs", Path: "the channel's file", Err: err}
	}
	kind := uint32(st.Type)
	return kind == unix.TMPFS_MAGIC || kind == unix.RAMFS_MAGIC, nil
}
