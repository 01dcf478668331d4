package filesystem

import (
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/eintr"
)

// UsageOf returns the usage of the file system that a file or directory is on.
func UsageOf(path string) (Usage, error) {
	var st unix.Statfs_t
	if err := eintr.Retry(func() error { return unix.Statfs(path, &st) }); err != nil {
		return Usage{}, &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	size := uint64(st.Bsize)
	return Usage{
		Kind: Of(uint32(st.Type)), ReadOnly: st.Flags&unix.ST_RDONLY != 0,
		Size: st.Blocks * size, Free: st.Bavail * size, Inodes: st.Files, FreeInodes: st.Ffree,
	}, nil
}
