package shm

import (
	"crypto/rand"
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/filelock"
	"github.com/shmchan/shmchan/internal/filesystem"
)

// On a file system that can't make a file without a name, a segment has a temporary
// one until it is published: .shmchan- and random letters. Publishing renames it
// without replacing a file or, if the file system can't do that either, makes a
// second link and removes the first. What a maker leaves if it dies before
// publishing, or between the two links, is removed by the next process that makes a
// segment in that directory in this way, or that opens this one: see sweep.
//
// A maker holds the lock on makerByte of the file from before it fills the file
// until it is published. That distinguishes it from a dead maker: only the holder of
// that lock removes a temporary name. The steps of a maker M, and of a sweeper S
// that finds its file:
//
//	M1 make the file    M2 lock, check that it still has a name     M3 publish   M4 unlock
//	S1 open the file    S2 lock   S3 the name still means this file: unlink it   S4 unlock
//
//   - S2 before M2: M finds the byte locked, or the file without a name after S has
//     gone, and starts over with another file.
//   - M2 before S2: S finds the byte locked, and leaves the file.
//   - S2 after M4: M3 has removed the temporary name, so S3 finds it missing.
//   - M dies after M2: S gets the lock and removes the temporary name. If M died
//     between the two links, the published name alone remains.

// makerByte lies after the lock bytes of all endpoints.
const makerByte = 1 << 32

const tempPrefix = ".shmchan-"

// openNameless opens a new file without a name. If the file system can't, the file
// has a temporary name, and openNameless holds the maker's lock on it.
func openNameless(d dir) (fd int, temp string, err error) {
	// A file system that is served from elsewhere may know files by their names, and
	// fail to chmod or link one that has none: many FUSE file systems do.
	err = unix.EOPNOTSUPP
	if kind, _, serr := filesystem.Stat(d.fd); serr == nil && !kind.Remote {
		fd, err = unix.Openat(d.fd, ".", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	}
	if err == nil {
		// Naming it later needs /proc or a capability: check before it is filled.
		if _, err := os.Stat("/proc/self/fd/" + strconv.Itoa(d.fd)); err == nil {
			return fd, "", nil
		}
		_ = unix.Close(fd)
	} else if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.ENOENT) {
		return -1, "", err
	}
	sweep(d)
	const tries = 100
	for range tries {
		temp = tempPrefix + rand.Text()
		fd, err = unix.Openat(d.fd, temp, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return -1, "", err
		}
		failpoint.Hit(failpoint.TempMade)
		var ok bool
		var st unix.Stat_t
		if ok, err = filelock.TryLock(fd, makerByte, 1); err == nil {
			err = unix.Fstat(fd, &st)
		}
		if err == nil && ok && st.Nlink > 0 {
			return fd, temp, nil
		}
		_ = unix.Close(fd)
		if err != nil {
			unlinkTemp(d, temp)
			return -1, "", err
		}
	}
	return -1, "", errSwapped
}

func unlinkTemp(d dir, temp string) {
	if temp != "" {
		_ = unix.Unlinkat(d.fd, temp, 0)
	}
}

// renameNew renames without replacing. If the file system can't do that in one step,
// it makes a second link and removes the first.
func renameNew(dirfd int, from, to string) error {
	err := unix.Renameat2(dirfd, from, dirfd, to, unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	if err := unix.Linkat(dirfd, from, dirfd, to, 0); err == unix.EPERM {
		return unix.EOPNOTSUPP // the file is ours, so the file system has no links
	} else if err != nil {
		return err
	}
	failpoint.Hit(failpoint.TwoNames)
	_ = unix.Unlinkat(dirfd, from, 0) // it is published: if this fails, the name is swept later
	return nil
}

// Sweep removes what makers of segments that died before publishing them have left
// in the directory.
func (p Place) Sweep() error {
	d, err := p.open()
	if err != nil {
		return err
	}
	defer d.close()
	sweep(d)
	return nil
}

// sweep skips what it may not remove.
func sweep(d dir) {
	names, err := readNames(d, isTemp)
	if err != nil {
		return
	}
	for _, name := range names {
		sweepOne(d, name)
	}
}

// isTemp reports whether the name is a temporary one: the prefix and a result of
// rand.Text.
func isTemp(name string) bool {
	rest, ok := strings.CutPrefix(name, tempPrefix)
	return ok && len(rest) == 26 && strings.Trim(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// sweepOne removes nothing but the name of a regular file in a checked directory, so
// a hostile file there can only lose its own name.
func sweepOne(d dir, name string) {
	var open, named unix.Stat_t
	if unix.Fstatat(d.fd, name, &named, unix.AT_SYMLINK_NOFOLLOW) != nil || named.Mode&unix.S_IFMT != unix.S_IFREG {
		return
	}
	fd, err := unix.Openat(d.fd, name, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if unix.Fstat(fd, &open) != nil || open.Mode&unix.S_IFMT != unix.S_IFREG {
		return
	}
	if ok, err := filelock.TryLock(fd, makerByte, 1); !ok || err != nil {
		return
	}
	failpoint.Hit(failpoint.SweepLocked)
	if unix.Fstatat(d.fd, name, &named, unix.AT_SYMLINK_NOFOLLOW) != nil || named.Dev != open.Dev || named.Ino != open.Ino {
		return
	}
	_ = unix.Unlinkat(d.fd, name, 0)
	failpoint.Hit(failpoint.Swept)
}
