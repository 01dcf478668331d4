package children

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// Adopt starts to reap the orphans that the kernel makes children of this process. It does
// so until the process ends.
func Adopt() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	go func() {
		for {
			reapOrphans()
			select {
			case <-ended:
			case <-gone:
			}
		}
	}()
}

func reapOrphans() {
	for {
		pid, err := zombie()
		if err != nil || pid == 0 || !reap(pid) {
			return
		}
	}
}

// reap reaps a zombie unless Start started it, and reports whether it did.
func reap(pid int) bool {
	mu.Lock()
	defer mu.Unlock()
	if own[pid] > 0 {
		return false
	}
	for {
		_, err := unix.Wait4(pid, nil, unix.WNOHANG, nil) // ECHILD: Wait has reaped it
		if err != unix.EINTR {
			return true
		}
	}
}

// zombie returns the pid of a child that has ended and was not waited for, or 0. It does not
// reap the child.
func zombie() (int, error) {
	info, err := wait(unix.P_ALL, 0, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT)
	return int(info.pid), err
}
