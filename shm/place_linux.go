package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// dir is an open directory that was checked.
type dir struct {
	fd     int
	stat   unix.Stat_t
	shared bool // with the members of its group, which include the caller
	visit  bool // by root, for Place.Visit
}

func (d dir) close() { _ = unix.Close(d.fd) }

// open opens the directory with O_PATH and checks it.
func (p Place) open() (dir, error) {
	d := dir{fd: -1}
	fd, err := openNoLinks(p.Dir)
	if errors.Is(err, unix.ENOENT) && p.Make {
		fd, err = makeDir(p.Dir)
	}
	if err != nil {
		return d, dirError(p.Dir, err)
	}
	d.fd = fd
	if err := unix.Fstat(fd, &d.stat); err != nil {
		d.close()
		return d, &fs.PathError{Op: "stat", Path: p.Dir, Err: err}
	}
	if err := p.checkDir(&d); err != nil {
		d.close()
		return d, err
	}
	return d, nil
}

// openFile opens the regular file Base in the directory with flags, without
// following a link, and checks that the caller may trust it.
func (p Place) openFile(d dir, flags int) (fd int, st unix.Stat_t, err error) {
	path := p.Path()
	if err := unix.Fstatat(d.fd, p.Base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return -1, st, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	if st.Nlink > 1 && flags == unix.O_RDWR {
		// Its creator may have died while it had two names.
		sweep(d)
		if err := unix.Fstatat(d.fd, p.Base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return -1, st, &fs.PathError{Op: "open", Path: path, Err: err}
		}
	}
	if err := p.checkFile(&d, &st); err != nil {
		return -1, st, err
	}
	fd, err = unix.Openat(d.fd, p.Base, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err == unix.ELOOP || err == unix.ENXIO { // replaced by a link or a socket
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
	} else if err = p.checkFile(&d, &st); err == nil {
		return fd, st, nil
	}
	_ = unix.Close(fd)
	return -1, st, err
}

// errSwapped means that the caller should try again.
var errSwapped = fmt.Errorf("the file was replaced while it was opened: %w", ErrBusy)

// readNames lists a directory through an open file of its own, and returns the names
// for which keep returns true.
func readNames(d dir, keep func(string) bool) ([]string, error) {
	fd, err := unix.Openat(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), ".")
	defer f.Close()
	all, err := f.Readdirnames(-1)
	names := all[:0]
	for _, name := range all {
		if keep(name) {
			names = append(names, name)
		}
	}
	return names, err
}
