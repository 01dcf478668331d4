package children

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// Adopt reaps, until this process ends, the orphans that the kernel makes its
// children.
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

// reap reports whether it was no process of Start's.
func reap(pid int) bool {
	mu.Lock()
	defer mu.Unlock()
	if own[pid] > 0 {
		return false
	}
	for {
		_, err := unix.Wait4(pid, nil, unix.WNOHANG, nil) // ECHILD: it was one of Start's, and is gone
		if err != unix.EINTR {
			return true
		}
	}
}

// zombie returns the pid of a child that has ended and that nobody has waited
// for, and leaves it so; 0 if there is none.
func zombie() (int, error) {
	info, err := wait(unix.P_ALL, 0, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT)
	return int(info.pid), err
}
