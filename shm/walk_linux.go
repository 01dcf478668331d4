package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The walk to a directory follows only the symbolic links that trust_linux.go
// allows.

// maxLinks is how many links a walk follows, the same as in the kernel.
const maxLinks = 40

const openPart = unix.O_PATH | unix.O_CLOEXEC | unix.O_NOFOLLOW

// openNoLinks opens a directory with O_PATH, following only symbolic links that no
// user but root can have put there: by openat2 (Linux 5.6) if there are no links,
// otherwise component by component.
func openNoLinks(path string) (int, error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS}
	const tries = 100 // a call that is always interrupted is treated as missing
	for range tries {
		fd, err := openat2(unix.AT_FDCWD, path, &how)
		switch err {
		case unix.EINTR, unix.EAGAIN:
			continue
		case unix.ENOSYS, unix.EPERM, unix.ELOOP: // an old kernel, a filter, or a link
			return walkNoLinks(path)
		}
		return fd, err
	}
	return walkNoLinks(path)
}

// Tests replace openat2 to interrupt it.
var openat2 = unix.Openat2

func walkNoLinks(path string) (int, error) { return walk(path, false) }

// makeDir makes the directory and its missing parents, and opens it.
func makeDir(path string) (int, error) { return walk(path, true) }

// walker is the state of a walk.
type walker struct {
	fd    int
	root  bool // only root can have put anything on the way so far
	make  bool // make missing directories, 0700
	links int
}

func walk(path string, make bool) (int, error) {
	path = filepath.Clean(path)
	w := walker{fd: -1, make: make}
	start := "."
	if filepath.IsAbs(path) {
		start = "/"
	}
	if err := w.start(start); err != nil {
		return -1, err
	}
	for parts := strings.Split(path, "/"); len(parts) > 0; {
		part := parts[0]
		parts = parts[1:]
		if part == "" || part == "." {
			continue
		}
		target, err := w.enter(part)
		if err == nil && strings.HasPrefix(target, "/") {
			err = w.start("/")
		}
		if err != nil {
			_ = unix.Close(w.fd)
			return -1, err
		}
		if target != "" {
			parts = slices.Concat(strings.Split(target, "/"), parts)
		}
	}
	return w.fd, nil
}

// start begins at / or in the working directory. For the latter it is unknown which
// users could have put it where it is.
func (w *walker) start(at string) error {
	fd, err := unix.Open(at, openPart|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		_ = unix.Close(fd)
		return err
	}
	if w.fd >= 0 {
		_ = unix.Close(w.fd)
	}
	w.fd, w.root = fd, at == "/" && onlyRoot(&st)
	return nil
}

// enter moves into the directory named part. If part is a symbolic link that may be
// followed, enter stays where it is and returns the link's target.
func (w *walker) enter(part string) (target string, err error) {
	fd, err := unix.Openat(w.fd, part, openPart, 0)
	if err == unix.ENOENT && w.make {
		fd, err = w.mkdir(part)
	}
	if err != nil {
		return "", err
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil {
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFDIR:
			_ = unix.Close(w.fd)
			w.fd, w.root = fd, w.root && onlyRoot(&st)
			return "", nil
		case unix.S_IFLNK:
			target, err = w.follow(fd, part, &st)
		default:
			err = unix.ENOTDIR
		}
	}
	_ = unix.Close(fd)
	return target, err
}

// follow returns the target of the open link, or why it may not be followed.
func (w *walker) follow(fd int, part string, st *unix.Stat_t) (string, error) {
	if !w.root || !mayFollow(st) {
		return "", fmt.Errorf("%q on the way is a symbolic link that a user other than root may have put there; give the real path: %w", part, unix.ELOOP)
	}
	if w.links++; w.links > maxLinks {
		return "", fmt.Errorf("more than %d symbolic links on the way: %w", maxLinks, unix.ELOOP)
	}
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf) // reads the descriptor itself, which was checked
	if err != nil {
		return "", err
	}
	if n == 0 || n == len(buf) {
		return "", unix.ENAMETOOLONG
	}
	return string(buf[:n]), nil
}

// mkdir makes a directory, unless another process has just made it, and opens it.
func (w *walker) mkdir(part string) (int, error) {
	made := unix.Mkdirat(w.fd, part, 0o700)
	if made != nil && made != unix.EEXIST {
		return -1, &fs.PathError{Op: "mkdir", Path: part, Err: made}
	}
	fd, err := unix.Openat(w.fd, part, openPart, 0)
	if err != nil || made != nil {
		return fd, err
	}
	// The umask may have removed the owner's bits. If they can't be restored, the
	// next step fails.
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR && st.Mode&0o777 != 0o700 && st.Uid == uint32(os.Geteuid()) {
		_ = unix.Chmod("/proc/self/fd/"+strconv.Itoa(fd), 0o700)
	}
	return fd, nil
}

// dirError returns the error for a directory that can't be opened.
func dirError(path string, err error) error {
	if errors.Is(err, unix.ELOOP) {
		return fmt.Errorf("directory %s: %w", path, err)
	}
	return &fs.PathError{Op: "open", Path: path, Err: err}
}
