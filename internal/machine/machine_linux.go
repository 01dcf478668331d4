package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/internal/filelock"
	"github.com/shmchan/shmchan/internal/futex"
)

var errRefused = errors.New("refused by the kernel, or by a filter before it")

// Features tries each call that channels use.
func Features() []Feature {
	return []Feature{
		{"futex", "2.6", true, "", tryFutex()},
		{"locks of open file descriptions", "3.15", true, "", tryLock()},
		{"membarrier", "4.16", false, "every sender fences, and is slower", tryMembarrier()},
		{"pidfd_open", "5.3", false, "a death is noticed at the next heartbeat, not at once", tryPidfd()},
	}
}

func tryFutex() error {
	var word atomic.Uint32
	return futex.Wait(&word, 0, time.Microsecond)
}

// tryLock asks for a lock that nobody holds; the kernel knows the kind or not,
// whatever the file.
func tryLock() error {
	f, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer f.Close()
	_, _, err = filelock.Held(int(f.Fd()), 0, 1)
	return err
}

func tryMembarrier() error {
	if !fence.Register() || !fence.Everywhere() {
		return errRefused
	}
	return nil
}

func tryPidfd() error {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// Numbers of file systems, from linux/magic.h and the sources of those that are
// not there.
var types = map[int64]struct {
	name           string
	memory, remote bool
}{
	0x01021994: {"tmpfs", true, false},
	0x858458f6: {"ramfs", true, false},
	0xef53:     {"ext4", false, false},
	0x58465342: {"xfs", false, false},
	0x9123683e: {"btrfs", false, false},
	0x2fc12fc1: {"zfs", false, false},
	0xf2f52010: {"f2fs", false, false},
	0xca451a4e: {"bcachefs", false, false},
	0x3434:     {"nilfs2", false, false},
	0x794c7630: {"overlay", false, false},
	0x6969:     {"nfs", false, true},
	0xff534d42: {"cifs", false, true},
	0xfe534d42: {"smb2", false, true},
	0x01021997: {"9p", false, true},
	0x65735546: {"fuse", false, true},
	0x00c36400: {"ceph", false, true},
	0x0bd00bd0: {"lustre", false, true},
}

// maxInterrupted bounds how often a call is tried again that a signal interrupted.
const maxInterrupted = 100

// FileSystemOf tells about the file system that the directory is on.
func FileSystemOf(dir string) (FileSystem, error) {
	var st unix.Statfs_t
	for try := 0; ; try++ {
		err := unix.Statfs(dir, &st)
		if err == unix.EINTR && try < maxInterrupted {
			continue
		}
		if err != nil {
			return FileSystem{}, &fs.PathError{Op: "statfs", Path: dir, Err: err}
		}
		break
	}
	number := int64(uint32(st.Type))
	kind, known := types[number]
	if !known {
		kind.name = fmt.Sprintf("%#x", number)
	}
	size := uint64(st.Bsize)
	return FileSystem{
		Type: kind.name, Memory: kind.memory, Remote: kind.remote, ReadOnly: st.Flags&unix.ST_RDONLY != 0,
		Size: st.Blocks * size, Free: st.Bavail * size, Inodes: st.Files, FreeInode: st.Ffree,
	}, nil
}
