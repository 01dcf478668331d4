package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/busguard"
	"github.com/shmchan/shmchan/internal/filelock"
	"github.com/shmchan/shmchan/internal/filesystem"
)

// Open opens the segment at p and checks its header. It returns fs.ErrNotExist if
// there is no such file, and ErrIncompatible or a *CorruptError, which name file,
// offset and field, if the file is not a segment. It attaches no endpoint.
func Open(p Place) (*Segment, error) { return open(p, false) }

// OpenReadOnly is Open for examining a segment: it can't change the file.
func OpenReadOnly(p Place) (*Segment, error) { return open(p, true) }

func open(p Place, readOnly bool) (*Segment, error) {
	if err := wordsAreShared(); err != nil {
		return nil, err
	}
	d, err := p.open()
	if err != nil {
		return nil, err
	}
	defer d.close()
	flags := unix.O_RDWR
	if readOnly {
		flags = unix.O_RDONLY
	}
	const tries = 100 // give up on a file that is replaced again and again
	for try := 0; ; try++ {
		fd, st, err := p.openFile(d, flags)
		if errors.Is(err, errSwapped) && try < tries {
			continue
		}
		if err != nil {
			return nil, err
		}
		s, err := newSegment(p, fd, &st, readOnly)
		if err != nil {
			_ = unix.Close(fd)
			return nil, err
		}
		s.ambiguous = ambiguous(&d, &st)
		return s, nil
	}
}

// newSegment checks and maps an open file. If it succeeds, the segment owns fd.
func newSegment(p Place, fd int, st *unix.Stat_t, readOnly bool) (*Segment, error) {
	h, err := readHeader(p.Path(), fd, uint64(st.Size))
	if err != nil {
		return nil, err
	}
	s := &Segment{place: p, fd: fd, dev: uint64(st.Dev), ino: st.Ino, mode: st.Mode & 0o777, readOnly: readOnly, head: h, view: &view{}}
	s.root = rootNow()
	mapping := mapFile
	if readOnly {
		mapping = mapReadOnly
	}
	if s.view.mem, err = mapping(fd, &h); err != nil {
		return nil, fmt.Errorf("%s: %w", p.Path(), filesystem.Explain(fd, p.Dir, "shared mappings", err))
	}
	s.view.guard = busguard.Add(s.view.mem)
	s.view.refs.Store(1)
	s.ring = s.newRing()
	return s, nil
}

func (s *Segment) newRing() *Ring {
	mem, h := s.view.mem, &s.head
	r := newRing(nil, controlAt(mem), slotsAt(mem, 1+int(h.maxSenders)), h.nonce)
	r.setData(mem[h.ringOffset:], h.capacity)
	r.path, r.offset = s.Path(), int64(h.ringOffset)
	r.mirrored = !s.readOnly
	r.pagewise = writtenInPlace(s.fd)
	return r
}

// readHeader reads the header by a system call, so that a file that is too short is
// an error and not a fault.
func readHeader(path string, fd int, size uint64) (h header, err error) {
	if size < slotsOffset {
		return h, incompatible(path, 0, "file size", size, fmt.Sprintf("at least %d bytes", slotsOffset))
	}
	n, err := unix.Pread(fd, bytesOf(&h), 0)
	if err != nil {
		return h, &fs.PathError{Op: "read", Path: path, Err: filesystem.Explain(fd, filepath.Dir(path), "reads", err)}
	}
	if n < headerLength {
		return h, incompatible(path, 0, "header length", n, headerLength)
	}
	return h, h.check(path, size, os.Getpagesize())
}

// Clone opens the same file again, for another endpoint, and shares the mapping.
func (s *Segment) Clone() (*Segment, error) {
	fd, err := unix.Open("/proc/self/fd/"+strconv.Itoa(s.fd), unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil { // /proc is not mounted: use the name, if it still means this file
		again, err := Open(s.place)
		if err != nil {
			return nil, err
		}
		if again.dev != s.dev || again.ino != s.ino {
			_ = again.Close()
			return nil, &fs.PathError{Op: "open", Path: s.Path(), Err: fs.ErrNotExist}
		}
		return again, nil
	}
	c := *s
	c.fd = fd
	c.view.refs.Add(1)
	return &c, nil
}

// StillNamed reports whether the place's name still means this file.
func (s *Segment) StillNamed() (bool, error) {
	d, err := s.openDir()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer d.close()
	return s.namedIn(d)
}

// openDir opens the directory that holds, or held, the file's name.
func (s *Segment) openDir() (dir, error) {
	p := s.place
	p.Make = false // a removed directory stays removed
	return p.open()
}

func (s *Segment) namedIn(d dir) (bool, error) {
	var st unix.Stat_t
	err := unix.Fstatat(d.fd, s.place.Base, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	if err != nil {
		return false, &fs.PathError{Op: "stat", Path: s.Path(), Err: err}
	}
	return uint64(st.Dev) == s.dev && st.Ino == s.ino, nil
}

// Close closes the descriptor, which releases all its locks, and unmaps the file
// unless a clone uses the mapping. The ring must not be used afterwards. Close is
// idempotent.
func (s *Segment) Close() error {
	err := s.CloseFile()
	if s.unmapped {
		return err
	}
	s.unmapped = true
	return errors.Join(err, s.view.drop())
}

// CloseFile closes the descriptor, which releases its locks, and keeps the mapping
// until Close, for goroutines that may still read it. CloseFile is idempotent.
func (s *Segment) CloseFile() error {
	if s.fd < 0 {
		return nil
	}
	// The mapping keeps the open file, and so its locks, alive.
	err := filelock.Unlock(s.fd, receiverByte, s.removerByte()+1)
	err = errors.Join(err, unix.Close(s.fd))
	s.fd = -1
	return err
}
