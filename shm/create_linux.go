package shm

import (
	"context"
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
	"github.com/shmchan/shmchan/internal/filelock"
	"github.com/shmchan/shmchan/internal/filesystem"
)

// Create makes a segment that has no name yet: no process can open it, and nothing
// is left if its creator dies. Publish names it. The file is allocated in full
// before it is mapped: a sparse file on a tmpfs that fills up would break under its
// users later.
func Create(p Place, c Config) (*Segment, error) {
	return CreateContext(context.Background(), p, c)
}

// CreateContext is Create with a context, which it checks only if the allocation
// takes long or signals keep interrupting it.
func CreateContext(ctx context.Context, p Place, c Config) (*Segment, error) {
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
	if kind, _, err := filesystem.Stat(d.fd); err == nil {
		if err := kind.Refuse(p.Dir, errors.ErrUnsupported); err != nil {
			return nil, fmt.Errorf("create %s: %w", p.Path(), err)
		}
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
	s, err := fill(ctx, p, d, fd, h, c)
	if err != nil {
		_ = unix.Close(fd)
		unlinkTemp(d, temp)
		return nil, err
	}
	s.temp = temp
	return s, nil
}

// noFile returns the error for a file that can't be made. It distinguishes a lack of
// inodes from a lack of space.
func noFile(p Place, d dir, err error) error {
	var st unix.Statfs_t
	if errors.Is(err, unix.ENOSPC) && unix.Fstatfs(d.fd, &st) == nil && st.Files > 0 && st.Ffree == 0 {
		return fmt.Errorf("create %s: the file system has %d inodes and none is free; remove files there, mount it with more (nr_inodes), or use another directory: %w",
			p.Path(), st.Files, err)
	}
	if errors.Is(err, unix.ENOENT) { // the directory exists
		err = fmt.Errorf("it takes no new files (%v): %w", err, unix.EOPNOTSUPP)
	}
	return &fs.PathError{Op: "create", Path: p.Path(), Err: filesystem.Explain(d.fd, p.Dir, "new files", err)}
}

// fill allocates the file, writes its header and maps it.
func fill(ctx context.Context, p Place, d dir, fd int, h header, c Config) (*Segment, error) {
	if err := underLimit(h.fileSize); err != nil {
		return nil, fmt.Errorf("allocate %s: %w", p.Path(), err)
	}
	writeInPlace(fd)
	if err := allocate(ctx, fd, int64(h.fileSize)); err != nil {
		if done := ctx.Err(); done != nil && errors.Is(err, done) {
			return nil, fmt.Errorf("allocate %s: %w", p.Path(), err)
		}
		return nil, noRoom(p, fd, h.fileSize, err)
	}
	failpoint.Hit(failpoint.Allocated)
	if err := shareWithGroup(p, d, fd, c.Mode); err != nil {
		return nil, err
	}
	if err := unix.Fchmod(fd, c.Mode); err != nil { // exact, whatever the umask
		return nil, &fs.PathError{Op: "chmod", Path: p.Path(), Err: filesystem.Explain(fd, p.Dir, "modes", err)}
	}
	if _, err := unix.Pwrite(fd, bytesOf(&h), 0); err != nil {
		return nil, &fs.PathError{Op: "write", Path: p.Path(), Err: filesystem.Explain(fd, p.Dir, "writes", err)}
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

// shareWithGroup gives a file that its group may write to the directory's group if
// that may write to the directory: its members may replace the file anyway. In a
// directory with the setgid bit the file has that group already.
func shareWithGroup(p Place, d dir, fd int, mode uint32) error {
	if mode&0o020 == 0 || !d.groupOnly() {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return &fs.PathError{Op: "stat", Path: p.Path(), Err: err}
	}
	if st.Gid == d.stat.Gid {
		return nil
	}
	if err := unix.Fchown(fd, -1, int(d.stat.Gid)); err != nil {
		return fmt.Errorf("create %s: the directory belongs to group %d, to which the channel can't be given; chmod g+s the directory, or join its group: %w",
			p.Path(), d.stat.Gid, err)
	}
	return nil
}

// Publish gives the segment its name in one step. It returns fs.ErrExist if the name
// is taken; the segment is unchanged then.
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
		return &fs.PathError{Op: "publish", Path: s.Path(), Err: filesystem.Explain(d.fd, s.place.Dir, "links and renames", err)}
	}
	failpoint.Hit(failpoint.Linked)
	if s.temp != "" {
		s.temp = ""
		return filelock.Unlock(s.fd, makerByte, 1)
	}
	return nil
}

// Discard closes a segment that was not published and removes its temporary name.
func (s *Segment) Discard() error {
	if s.temp != "" {
		if d, err := s.place.open(); err == nil {
			unlinkTemp(d, s.temp)
			d.close()
		}
	}
	return s.Close()
}
