package shm

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/failpoint"
)

// Create makes a segment that has no name yet: nobody can open it, and if its
// creator dies nothing is left. Publish names it. All of the file is allocated
// before it is mapped: a sparse file on a tmpfs that fills up would kill its
// users by SIGBUS later.
func Create(p Place, c Config) (*Segment, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", err, fs.ErrInvalid)
	}
	if err := wordsAreShared(); err != nil {
		return nil, err
	}
	c = c.withDefaults(os.Getpagesize())
	d, err := p.open()
	if err != nil {
		return nil, err
	}
	defer d.close()
	if err := p.checkGroup(&d.stat, c.Mode); err != nil {
		return nil, err
	}
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	h := newHeader(c, binary.NativeEndian.Uint64(random[:]), time.Now().UnixNano(), os.Getpagesize())
	if err := addressable(h.fileSize + h.capacity); err != nil { // before it takes room
		return nil, fmt.Errorf("capacity %d: %w", c.Capacity, err)
	}
	fd, temp, err := openNameless(d)
	if err != nil {
		return nil, noFile(p, d, err)
	}
	s, err := fill(p, fd, h, c)
	if err != nil {
		_ = unix.Close(fd)
		unlinkTemp(d, temp)
		return nil, err
	}
	s.temp = temp
	return s, nil
}

// openNameless opens a new file without a name, or where the file system can't,
// with a temporary one.
func openNameless(d dir) (fd int, temp string, err error) {
	self := "/proc/self/fd/" + strconv.Itoa(d.fd)
	fd, err = unix.Openat(d.fd, ".", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		// Naming it needs /proc or a capability: look now, not when it is full.
		if _, err := os.Stat(self); err == nil {
			return fd, "", nil
		}
		_ = unix.Close(fd)
	} else if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.ENOENT) {
		return -1, "", err
	}
	temp = ".shmchan-" + rand.Text()
	fd, err = unix.Openat(d.fd, temp, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
	return fd, temp, err
}

// noFile says which of its two kinds of room the file system lacks.
func noFile(p Place, d dir, err error) error {
	var st unix.Statfs_t
	if errors.Is(err, unix.ENOSPC) && unix.Fstatfs(d.fd, &st) == nil && st.Files > 0 && st.Ffree == 0 {
		return fmt.Errorf("create %s: the file system has %d inodes and none is free; remove files there, mount it with more (nr_inodes), or use another directory: %w",
			p.Path(), st.Files, err)
	}
	return &fs.PathError{Op: "create", Path: p.Path(), Err: err}
}

// fill allocates, lays out and maps the file.
func fill(p Place, fd int, h header, c Config) (*Segment, error) {
	if err := underLimit(h.fileSize); err != nil {
		return nil, fmt.Errorf("allocate %s: %w", p.Path(), err)
	}
	if err := allocate(fd, int64(h.fileSize)); err != nil {
		return nil, noRoom(p, fd, h.fileSize, err)
	}
	failpoint.Hit(failpoint.Allocated)
	if err := unix.Fchmod(fd, c.Mode); err != nil { // exact, whatever the umask
		return nil, &fs.PathError{Op: "chmod", Path: p.Path(), Err: err}
	}
	if _, err := unix.Pwrite(fd, bytesOf(&h), 0); err != nil {
		return nil, &fs.PathError{Op: "write", Path: p.Path(), Err: err}
	}
	failpoint.Hit(failpoint.HeaderWritten)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: p.Path(), Err: err}
	}
	s, err := newSegment(p, fd, &st, false)
	if err != nil {
		return nil, err
	}
	start := c.Start &^ (recordAlign - 1)
	s.ring.ctl.head.Store(start)
	s.ring.ctl.tail.Store(start)
	failpoint.Hit(failpoint.Mapped)
	return s, nil
}

// underLimit refuses what the process may not write: the kernel would send SIGXFSZ,
// which ends a Go program.
func underLimit(size uint64) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err != nil || size <= limit.Cur {
		return nil
	}
	return fmt.Errorf("%d bytes are needed, and a file of this process may have %d (ulimit -f); choose a smaller capacity or raise the limit: %w",
		size, limit.Cur, unix.EFBIG)
}

// allocate reserves every byte. Where the file system has no fallocate, zeroes
// are written.
func allocate(fd int, size int64) error {
	for {
		err := unix.Fallocate(fd, 0, 0, size)
		switch err {
		case unix.EINTR:
			continue
		case unix.EOPNOTSUPP, unix.ENOSYS:
			return writeZeroes(fd, size)
		}
		return err
	}
}

func writeZeroes(fd int, size int64) error {
	zeroes := make([]byte, 1<<20)
	for at := int64(0); at < size; {
		n, err := unix.Pwrite(fd, zeroes[:min(int64(len(zeroes)), size-at)], at)
		if err != nil && err != unix.EINTR {
			return err
		}
		at += int64(max(n, 0))
	}
	return nil
}

// noRoom says how much was needed, where, and what to do.
func noRoom(p Place, fd int, need uint64, err error) error {
	hint := ""
	var st unix.Statfs_t
	if unix.Fstatfs(fd, &st) == nil && (errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)) {
		hint = fmt.Sprintf(" and %d are free", st.Bavail*uint64(st.Bsize))
	}
	return fmt.Errorf("allocate %s: %d bytes are needed in %s%s; choose a smaller capacity, free some room (in a container, a larger --shm-size), or use another directory: %w",
		p.Path(), need, p.Dir, hint, err)
}

func unlinkTemp(d dir, temp string) {
	if temp != "" {
		_ = unix.Unlinkat(d.fd, temp, 0)
	}
}

// Publish gives the segment its name, at once and whole. It gives fs.ErrExist if
// the name is taken; the segment is then as it was.
func (s *Segment) Publish() error {
	d, err := s.place.open()
	if err != nil {
		return err
	}
	defer d.close()
	failpoint.Hit(failpoint.BeforeLink)
	if s.temp != "" {
		err = renameNew(d.fd, s.temp, s.place.Base)
	} else {
		err = unix.Linkat(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(s.fd), d.fd, s.place.Base, unix.AT_SYMLINK_FOLLOW)
	}
	if err != nil {
		return &fs.PathError{Op: "publish", Path: s.Path(), Err: err}
	}
	failpoint.Hit(failpoint.Linked)
	s.temp = ""
	return nil
}

// renameNew renames without replacing; where the file system can't do that in one
// step, by a second link.
func renameNew(dirfd int, from, to string) error {
	err := unix.Renameat2(dirfd, from, dirfd, to, unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	if err := unix.Linkat(dirfd, from, dirfd, to, 0); err != nil {
		return err
	}
	return unix.Unlinkat(dirfd, from, 0)
}

// Discard closes a segment that was not published and leaves nothing of it.
func (s *Segment) Discard() error {
	if s.temp != "" {
		if d, err := s.place.open(); err == nil {
			unlinkTemp(d, s.temp)
			d.close()
		}
	}
	return s.Close()
}
