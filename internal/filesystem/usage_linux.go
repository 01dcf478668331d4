package filesystem

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// UsageOf returns the usage of the file system that a file or directory is on.
func UsageOf(path string) (Usage, error) {
	var st unix.Statfs_t
	if err := uninterrupted(func() error { return unix.Statfs(path, &st) }); err != nil {
		return Usage{}, &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	size := uint64(st.Bsize)
	return Usage{
		Kind: Of(uint32(st.Type)), ReadOnly: st.Flags&unix.ST_RDONLY != 0,
		Size: st.Blocks * size, Free: st.Bavail * size, Inodes: st.Files, FreeInodes: st.Ffree,
	}, nil
}
