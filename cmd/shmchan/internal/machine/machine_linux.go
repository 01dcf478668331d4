package machine

import (
	"errors"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/internal/filelock"
	"github.com/shmchan/shmchan/internal/futex"
)

var errRefused = errors.New("refused by the kernel or by a seccomp filter")

// Features tries each call and returns the results.
func Features() []Feature {
	return []Feature{
		{"futex", "2.6", true, "", tryFutex()},
		{"open file description locks", "3.15", true, "", tryLock()},
		{"membarrier", "4.16", false, "every sender executes a fence, which is slower", tryMembarrier()},
		{"pidfd_open", "5.3", false, "a death is noticed at the next heartbeat instead of at once", tryPidfd()},
	}
}

func tryFutex() error {
	var word atomic.Uint32
	return futex.Wait(&word, 0, time.Microsecond)
}

// tryLock queries a lock. Whether the kernel knows that kind of lock does not depend on the
// file.
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
