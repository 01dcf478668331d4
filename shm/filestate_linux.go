package shm

import (
	"errors"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/filesystem"
)

// What becomes of a channel's file while ends are attached to it: its name may be
// taken away, and programs that clear directories up judge it by its times.

// FileState looks at the segment's file. It is one system call that resolves no
// path. A file that is not Linked can never be opened by a name again.
func (s *Segment) FileState() (FileState, error) {
	var st unix.Stat_t
	if err := unix.Fstat(s.fd, &st); err != nil {
		return FileState{}, &fs.PathError{Op: "stat", Path: s.Path(), Err: err}
	}
	older := min(st.Atim.Nano(), st.Mtim.Nano())
	return FileState{Linked: st.Nlink > 0, Age: time.Since(time.Unix(0, older))}, nil
}

// NameLost reports whether the place's path certainly means another file than this
// one, or none. It is one system call unless something is amiss. What can't be told
// is no loss: the path can't be searched, or this process has changed its root.
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

// rootNow returns this process's, or zeroes where it can't be looked at.
func rootNow() rootID {
	var st unix.Stat_t
	if unix.Stat("/", &st) != nil {
		return rootID{}
	}
	return rootID{uint64(st.Dev), st.Ino}
}

// Refresh sets the file's times to now. Stores to a mapping don't, on a tmpfs, and
// programs that clear up by age would take a channel in full use for a leftover.
func (s *Segment) Refresh() error {
	// futimens(fd, NULL), which package unix does not have: it needs leave to write
	// to the file, not to own it.
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
