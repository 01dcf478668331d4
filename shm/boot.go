package shm

import (
	"github.com/shmchan/shmchan/internal/filelock"
	"github.com/shmchan/shmchan/internal/process"
)

// OtherBoot reports whether the segment was made before the machine's last boot, so
// that its content may have reached the disk only in part. That is so if all of
// these hold:
//
//   - The boot id in the file differs from this process's. That alone proves
//     nothing: containers and services may see boot ids of their own.
//   - The file lies on a disk: a tmpfs or ramfs does not outlive a boot.
//   - No other open of the file holds an endpoint's lock: locks do not outlive a
//     boot.
//
// A lock proves something only if its holder called OtherBoot before it locked. So
// an endpoint calls it before it takes its first lock: then no endpoint locks a file
// of another boot, and two newcomers do not mistake each other's locks for proof. It
// calls it again with its lock held, which does not count for itself: the lock seen
// at first may have been that of a remover, which does not call OtherBoot before it
// locks.
func (s *Segment) OtherBoot() (bool, error) {
	boot := process.BootID()
	if s.head.bootID == boot || s.head.bootID == [16]byte{} || boot == [16]byte{} {
		return false, nil
	}
	if memory, err := inMemory(s.fd); memory || err != nil {
		return false, err
	}
	held, _, err := filelock.Held(s.fd, receiverByte, 1+int64(s.head.maxSenders))
	return !held && err == nil, err
}
