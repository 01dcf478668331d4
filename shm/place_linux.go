package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Place is where a segment's file is, or would be. Directories are opened without
// following symbolic links in any component, and must be safe: owned by the
// caller or root, and not writable by others.
type Place struct {
	Dir  string // the directory
	Base string // the file's name in it
	// Sticky allows a directory that everybody may write to if it is sticky and
	// root's, such as /tmp: nobody can remove or replace another's file there.
	Sticky bool
	// Make makes the directory, 0700, if it is missing.
	Make bool
}

// Path returns the file's path.
func (p Place) Path() string { return filepath.Join(p.Dir, p.Base) }

// dir is an open directory that was checked.
type dir struct {
	fd   int
	stat unix.Stat_t
}

func (d dir) close() { _ = unix.Close(d.fd) }

// open opens the directory with O_PATH and checks it.
func (p Place) open() (dir, error) {
	d := dir{fd: -1}
	fd, err := openNoLinks(p.Dir)
	if errors.Is(err, unix.ENOENT) && p.Make {
		if err := makeDir(p.Dir); err != nil {
			return d, err
		}
		fd, err = openNoLinks(p.Dir)
	}
	if err != nil {
		if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
			return d, fmt.Errorf("directory %s: not a directory, or a symbolic link on the way to it; give the real path: %w", p.Dir, err)
		}
		return d, &fs.PathError{Op: "open", Path: p.Dir, Err: err}
	}
	d.fd = fd
	if err := unix.Fstat(fd, &d.stat); err != nil {
		d.close()
		return d, &fs.PathError{Op: "stat", Path: p.Dir, Err: err}
	}
	if err := p.checkDir(&d.stat); err != nil {
		d.close()
		return d, err
	}
	return d, nil
}

// makeDir makes the directory, and those on the way to it.
func makeDir(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		if errors.Is(err, fs.ErrExist) { // somebody was faster
			return nil
		}
		return err
	}
	// The umask may have taken the owner's bits. They are given back by descriptor,
	// since what the path means may have changed.
	// Whoever opens it meets what fails here.
	if fd, err := openNoLinks(path); err == nil {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && st.Mode&0o777 != 0o700 && st.Uid == uint32(os.Geteuid()) {
			_ = unix.Chmod("/proc/self/fd/"+strconv.Itoa(fd), 0o700)
		}
		_ = unix.Close(fd)
	}
	return nil
}

func (p Place) checkDir(st *unix.Stat_t) error {
	if me := uint32(os.Geteuid()); st.Uid != me && st.Uid != 0 {
		return fmt.Errorf("directory %s belongs to user %d: it must be yours (user %d) or root's: %w", p.Dir, st.Uid, me, fs.ErrPermission)
	}
	sticky := p.Sticky && st.Mode&unix.S_ISVTX != 0
	if st.Mode&0o002 != 0 && !sticky {
		return fmt.Errorf("directory %s has mode %#o, so everybody may replace its files; chmod o-w it or use another: %w", p.Dir, st.Mode&0o7777, fs.ErrPermission)
	}
	return nil
}

// checkGroup refuses a directory that the group may write to, for a file that it
// may not.
func (p Place) checkGroup(st *unix.Stat_t, fileMode uint32) error {
	if st.Mode&0o020 == 0 || fileMode&0o020 != 0 || p.Sticky && st.Mode&unix.S_ISVTX != 0 {
		return nil
	}
	return fmt.Errorf("directory %s has mode %#o, so its group may replace a channel of mode %#o; chmod g-w it or share the channel with the group: %w",
		p.Dir, st.Mode&0o7777, fileMode, fs.ErrPermission)
}

// openNoLinks opens a directory, refusing symbolic links in every component:
// openat2 (Linux 5.6), or component by component where that is missing.
func openNoLinks(path string) (int, error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS}
	const tries = 100 // a call that is interrupted every time is as good as missing
	for range tries {
		fd, err := openat2(unix.AT_FDCWD, path, &how)
		switch err {
		case unix.EINTR, unix.EAGAIN:
			continue
		case unix.ENOSYS, unix.EPERM: // an old kernel, or a filter
			return walkNoLinks(path)
		}
		return fd, err
	}
	return walkNoLinks(path)
}

// openat2 is the call; tests interrupt it.
var openat2 = unix.Openat2

func walkNoLinks(path string) (int, error) {
	const flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC | unix.O_NOFOLLOW
	start := "."
	if filepath.IsAbs(path) {
		start = "/"
	}
	fd, err := unix.Open(start, flags, 0)
	if err != nil {
		return -1, err
	}
	for part := range strings.SplitSeq(filepath.Clean(path), "/") {
		if part == "" || part == "." {
			continue
		}
		next, err := unix.Openat(fd, part, flags, 0)
		_ = unix.Close(fd)
		if err != nil {
			return -1, err
		}
		fd = next
	}
	return fd, nil
}

// openFile opens the regular file base in the directory for reading, or also for
// writing, without following a link, and checks that it is one that the caller
// may trust.
func (p Place) openFile(d dir, flags int) (fd int, st unix.Stat_t, err error) {
	path := p.Path()
	if err := unix.Fstatat(d.fd, p.Base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return -1, st, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	if err := p.checkFile(d, &st); err != nil {
		return -1, st, err
	}
	fd, err = unix.Openat(d.fd, p.Base, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err == unix.ELOOP || err == unix.ENXIO { // a link or a socket by now
		return -1, st, fmt.Errorf("%s: %w", path, errSwapped)
	}
	if err != nil {
		return -1, st, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	before := st
	if err = unix.Fstat(fd, &st); err != nil {
		err = &fs.PathError{Op: "stat", Path: path, Err: err}
	} else if st.Dev != before.Dev || st.Ino != before.Ino {
		err = fmt.Errorf("%s: %w", path, errSwapped)
	} else if err = p.checkFile(d, &st); err == nil {
		return fd, st, nil
	}
	_ = unix.Close(fd)
	return -1, st, err
}

// errSwapped: try again.
var errSwapped = fmt.Errorf("the file was replaced while it was opened: %w", ErrBusy)

func (p Place) checkFile(d dir, st *unix.Stat_t) error {
	path := p.Path()
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFLNK:
		return fmt.Errorf("%s is a symbolic link; give the real path: %w", path, ErrIncompatible)
	default:
		return fmt.Errorf("%s is not a regular file: %w", path, ErrIncompatible)
	}
	if me := uint32(os.Geteuid()); st.Uid != me && st.Uid != 0 && st.Uid != d.stat.Uid {
		return fmt.Errorf("%s belongs to user %d: it must be yours (user %d), root's or the directory's owner's: %w", path, st.Uid, me, fs.ErrPermission)
	}
	if st.Nlink > 1 {
		return fmt.Errorf("%s has %d hard links, a channel has one: %w", path, st.Nlink, fs.ErrPermission)
	}
	return p.checkGroup(&d.stat, st.Mode&0o777)
}

// readNames lists a directory by its own open descriptor.
func readNames(d dir) ([]string, error) {
	fd, err := unix.Openat(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), ".")
	defer f.Close()
	all, err := f.Readdirnames(-1)
	names := all[:0]
	for _, name := range all {
		if !strings.HasPrefix(name, ".") {
			names = append(names, name)
		}
	}
	return names, err
}
