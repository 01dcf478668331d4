package process

import (
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

var polling atomic.Bool

// StartPoller makes the Go runtime open the descriptors that it needs for timers. The
// runtime opens them at the process's first timer anyway, but ends the process if no
// descriptor is left; StartPoller returns an error instead. It is safe for concurrent
// use.
func StartPoller() error {
	if polling.Load() {
		return nil
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("timers: %w", err)
	}
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	_ = unix.Close(epoll)
	if err != nil {
		return fmt.Errorf("timers: %w", err)
	}
	_ = unix.Close(event)
	time.AfterFunc(time.Hour, func() {}).Stop() // a Timer that no goroutine waits for does not start the poller
	polling.Store(true)
	return nil
}
