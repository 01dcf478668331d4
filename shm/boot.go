package shm

import (
	"github.com/shmchan/shmchan/internal/filelock"
	"github.com/shmchan/shmchan/internal/process"
)

// OtherBoot reports whether the segment was made before the machine's last boot:
// what it held may have reached the disk in part. That is so if all of these are:
//
//   - the boot id in the file is another than this process's. That alone proves
//     nothing: containers and services may see boot ids of their own;
//   - the file lies on a disk: a tmpfs or ramfs does not outlive a boot;
//   - no other open of the file holds a lock of an end: locks do not outlive one
//     either.
//
// A lock proves something only if its holder has judged before it locked. So an
// end asks before it takes its first lock: on a file of another boot nobody gets as
// far as a lock, and two newcomers do not take each other for the living. It asks
// again once it has its lock, which does not count for itself: what it saw before
// may have been a remover, which locks without asking.
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
