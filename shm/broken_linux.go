package shm

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/filesystem"
)

// BrokenError returns why the mapping is broken. It returns a *CorruptError if the
// file's size has changed. Otherwise it asks the file system for a page, and the
// error wraps the answer (ENOSPC or EDQUOT), or EIO. The first call finds the
// reason; later calls return the same error, whatever has changed since.
// Precondition: Broken returned true.
func (s *Segment) BrokenError() error {
	s.view.diagnose.Do(func() { s.view.reason = s.whyBroken() })
	return s.view.reason
}

func (s *Segment) whyBroken() error {
	var st unix.Stat_t
	if err := unix.Fstat(s.fd, &st); err != nil {
		return fmt.Errorf("%s: a page of it is missing, and its size can't be read: %w", s.Path(), err)
	}
	if size := uint64(st.Size); size != s.head.fileSize {
		how := "truncated"
		if size > s.head.fileSize {
			how = "truncated and grown again"
		}
		return &CorruptError{
			Path: s.Path(), Offset: int64(s.head.fileSize), Field: "file size", Value: size,
			Reason: fmt.Sprintf("it was %s while it was mapped; it had %d bytes", how, s.head.fileSize),
		}
	}
	kind, room := "", ""
	if on, err := filesystem.UsageOf("/proc/self/fd/" + strconv.Itoa(s.fd)); err == nil {
		kind, room = on.Name+" ", fmt.Sprintf(" (%d of %d bytes are free)", on.Free, on.Size)
	}
	switch err := s.refusal(); err {
	case unix.ENOSPC, unix.EDQUOT:
		return fmt.Errorf("%s has all its %d bytes, but the %sfile system there has no room to write one of its pages%s; "+
			"free some room, or use a directory on tmpfs, such as one below /dev/shm, and open the channel again: %w",
			s.Path(), s.head.fileSize, kind, room, err)
	}
	return fmt.Errorf("%s has all its %d bytes, but the %sfile system there failed to read or write one of its pages%s; "+
		"see the kernel's log (dmesg) for errors of the device, unless something cut the file off and let it grow again; then open the channel again: %w",
		s.Path(), s.head.fileSize, kind, room, unix.EIO)
}

// refusal asks the file system for one more page, of a file without a name that is
// gone at once, and returns the error. The file system's own counts are not enough:
// a full btrfs still reports free bytes, and a quota does not show in them.
func (s *Segment) refusal() error {
	var fs unix.Statfs_t
	if unix.Fstatfs(s.fd, &fs) == nil && fs.Bavail == 0 {
		return unix.ENOSPC
	}
	d, err := s.openDir()
	if err != nil {
		return nil
	}
	defer d.close()
	if uint64(d.stat.Dev) != s.dev { // the directory was moved, or is of another overlay layer
		return nil
	}
	fd, err := unix.Openat(d.fd, ".", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		err = unix.Fallocate(fd, 0, 0, int64(os.Getpagesize()))
		err = errors.Join(err, unix.Close(fd))
	}
	for _, reason := range []error{unix.ENOSPC, unix.EDQUOT} {
		if errors.Is(err, reason) {
			return reason
		}
	}
	return nil
}
