package shm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/filesystem"
)

// Bounds of the allocation of a new file.
const (
	// maxPiece bounds how long a cancelled context goes unnoticed: tmpfs clears a few
	// gigabytes per second.
	maxPiece = 64 << 20
	// zeroesLength is the largest single write of zeroes.
	zeroesLength = 1 << 20
	// maxPause bounds one wait, and patience all of them together, if signals interrupt
	// even the allocation of a single page.
	maxPause = 50 * time.Millisecond
	patience = 5 * time.Second
)

// Tests replace these to interrupt a call or make it fail.
var (
	fallocate = unix.Fallocate
	pwrite    = unix.Pwrite
)

// underLimit refuses a size that the process may not write: the kernel would send
// SIGXFSZ, which ends a Go program.
func underLimit(size uint64) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err != nil || size <= limit.Cur {
		return nil
	}
	return fmt.Errorf("%d bytes are needed, and a file of this process may have %d (ulimit -f); choose a smaller capacity or raise the limit: %w",
		size, limit.Cur, unix.EFBIG)
}

// Flags of files, from linux/fs.h.
const (
	compress   = 0x00000004 // FS_COMPR_FL
	noCompress = 0x00000400 // FS_NOCOMP_FL
	noCopy     = 0x00800000 // FS_NOCOW_FL
)

// writeInPlace asks a copy-on-write file system to overwrite the file in place
// (chattr +C). Otherwise allocating the file reserves only the first write to each
// block: an overwrite needs a new block, and if there is none, a store to the
// mapping raises SIGBUS. Most file systems refuse the flag and write in place
// anyway; doctor names those that do neither. Precondition: the file is empty.
func writeInPlace(fd int) {
	flags, err := unix.IoctlGetUint32(fd, unix.FS_IOC_GETFLAGS)
	if err != nil {
		return
	}
	// A compression flag is inherited from the directory, and excludes noCopy.
	if flags&(compress|noCompress) != 0 {
		flags &^= compress | noCompress
		_ = unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, int(flags))
	}
	_ = unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, int(flags|noCopy))
}

// writtenInPlace reports whether a copy-on-write file system agreed to write the
// file in place.
func writtenInPlace(fd int) bool {
	flags, err := unix.IoctlGetUint32(fd, unix.FS_IOC_GETFLAGS)
	return err == nil && flags&noCopy != 0
}

// allocate reserves every byte of the file. It writes zeroes if the file system has
// no fallocate, or if every call of fallocate is interrupted.
func allocate(ctx context.Context, fd int, size int64) error {
	err := inPieces(ctx, size, func(at, n int64) (int64, error) {
		return n, fallocate(fd, 0, at, n)
	})
	switch err {
	case unix.EOPNOTSUPP, unix.ENOSYS, unix.EINTR:
		zeroes := make([]byte, min(size, zeroesLength))
		return inPieces(ctx, size, func(at, n int64) (int64, error) {
			done, err := pwrite(fd, zeroes[:min(n, int64(len(zeroes)))], at)
			return int64(done), err
		})
	}
	return err
}

// inPieces calls step for one piece after another until all size bytes are done. A
// signal may interrupt step (EINTR). tmpfs then takes back what that call has
// allocated, so a call for everything might never succeed while signals keep coming.
// The piece after an interrupted one is half as large, down to a page; the piece
// after one that succeeded is twice as large. What is done stays done, so signals
// only slow inPieces down. If a single page is interrupted, it waits a moment,
// checks ctx, and returns EINTR once it has waited for patience in all.
//
// A context that ends meanwhile is noticed between two pieces. One that had ended
// before is checked only during such a wait: a constructor that need not wait
// succeeds with it.
func inPieces(ctx context.Context, size int64, step func(at, n int64) (int64, error)) error {
	expired := ctx.Err() != nil
	page := int64(os.Getpagesize())
	piece, pause, waited := int64(maxPiece), time.Millisecond, time.Duration(0)
	for at := int64(0); at < size; {
		n, err := step(at, min(piece, size-at))
		switch {
		case err == nil && n <= 0:
			return io.ErrShortWrite
		case err == nil:
			at += n
			piece, pause, waited = min(2*piece, maxPiece), time.Millisecond, 0
		case err != unix.EINTR:
			return err
		case piece > page:
			piece = max(piece/2, page)
		case waited >= patience:
			return err
		default:
			wait(ctx, pause)
			if ctx.Err() != nil {
				return stopped(ctx, at, size, ", as signals interrupt every call (EINTR)")
			}
			waited += pause
			pause = min(2*pause, maxPause)
		}
		if at < size && !expired && ctx.Err() != nil {
			return stopped(ctx, at, size, "")
		}
	}
	return nil
}

// wait returns after d, or earlier when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// stopped returns an error that is both the context's error and its cause.
func stopped(ctx context.Context, at, size int64, why string) error {
	err := ctx.Err()
	if cause := context.Cause(ctx); !errors.Is(cause, err) {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	return fmt.Errorf("%d of %d bytes were allocated%s: %w", at, size, why, err)
}

// noRoom returns the error for a failed allocation: how much was needed, where, and
// what to do. It empties the file first, so that the room it occupies counts as
// free.
func noRoom(p Place, fd int, need uint64, err error) error {
	if told := filesystem.Explain(fd, p.Dir, "allocation", err); told != err {
		return fmt.Errorf("allocate %s: %w", p.Path(), told)
	}
	_ = unix.Ftruncate(fd, 0)
	hint := ""
	var st unix.Statfs_t
	if unix.Fstatfs(fd, &st) == nil && (errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)) {
		hint = fmt.Sprintf(" and %d are free", st.Bavail*uint64(st.Bsize))
	}
	return fmt.Errorf("allocate %s: %d bytes are needed in %s%s; choose a smaller capacity, free some room (in a container, a larger --shm-size), or use another directory: %w",
		p.Path(), need, p.Dir, hint, err)
}
