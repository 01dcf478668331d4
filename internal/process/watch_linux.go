package process

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A Watch calls back once when its process is gone.
type Watch struct {
	id    uint64 // 0 until it is added
	pidfd int
	gone  func()
}

// event returns what the kernel is to say of the watch, with the id in the word
// that it hands back untouched.
func (w *Watch) event() unix.EpollEvent {
	return unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(w.id), Pad: int32(w.id >> 32)}
}

// watchID returns the id of the watch that the event is about.
func watchID(ev unix.EpollEvent) uint64 { return uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32 }

// watcher waits for all watched processes of this one with one epoll descriptor
// and one goroutine, which exist only while something is watched.
type watcher struct {
	mu    sync.Mutex
	epoll *os.File
	by    map[uint64]*Watch
	// last is the id of the newest watch. An id is never used again, as the numbers
	// of descriptors are: so an event of a watch that was cancelled after the kernel
	// reported it means no other watch.
	last uint64
}

var all watcher

// Await calls gone, once, soon after the process id has died. When the kernel
// says so all its file locks are already released. It gives an error, and does
// not watch, if the process is in another PID namespace, is another one by now,
// or the kernel has no pidfd_open (before 5.3); then look now and then instead.
// gone must not block nor call Await or Cancel. Safe for concurrent use.
func Await(id Identity, gone func()) (*Watch, error) {
	if self := Self(); id.NS == 0 || id.NS != self.NS {
		return nil, fmt.Errorf("watch process %d: another PID namespace: %w", id.PID, errors.ErrUnsupported)
	}
	fd, err := unix.PidfdOpen(id.PID, 0) // flags came later than the call
	if err != nil {
		return nil, fmt.Errorf("watch process %d: %w", id.PID, err)
	}
	// The descriptor is of whoever has the number now: is it still the one meant?
	if start, err := startTime(id.PID); err != nil || start != id.Start {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("watch process %d: %w", id.PID, os.ErrProcessDone)
	}
	w := &Watch{pidfd: fd, gone: gone}
	if err := all.add(w); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("watch process %d: %w", id.PID, err)
	}
	return w, nil
}

// Cancel ends the watch: once it has returned, gone is not running and will not
// be called. Idempotent.
func (w *Watch) Cancel() { all.remove(w) }

func (a *watcher) add(w *Watch) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.epoll == nil {
		fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
		if err != nil {
			return err
		}
		if err := unix.SetNonblock(fd, true); err != nil { // so that the runtime polls it, not a thread
			_ = unix.Close(fd)
			return err
		}
		a.epoll, a.by = os.NewFile(uintptr(fd), "pidfds"), map[uint64]*Watch{}
		go a.run(a.epoll)
	}
	a.last++
	w.id = a.last
	ev := w.event()
	if err := a.control(unix.EPOLL_CTL_ADD, w.pidfd, &ev); err != nil {
		a.closeIfIdle()
		return err
	}
	a.by[w.id] = w
	return nil
}

func (a *watcher) remove(w *Watch) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.by[w.id] != w {
		return
	}
	a.forget(w)
	a.closeIfIdle()
}

func (a *watcher) forget(w *Watch) {
	delete(a.by, w.id)
	_ = a.control(unix.EPOLL_CTL_DEL, w.pidfd, nil)
	_ = unix.Close(w.pidfd)
}

func (a *watcher) closeIfIdle() {
	if len(a.by) == 0 {
		_ = a.epoll.Close()
		a.epoll, a.by = nil, nil
	}
}

func (a *watcher) control(op, fd int, ev *unix.EpollEvent) error {
	raw, err := a.epoll.SyscallConn()
	if err != nil {
		return err
	}
	var ctlErr error
	err = raw.Control(func(epfd uintptr) { ctlErr = unix.EpollCtl(int(epfd), op, fd, ev) })
	return errors.Join(err, ctlErr)
}

// run reports deaths until its epoll descriptor is closed.
func (a *watcher) run(epoll *os.File) {
	raw, err := epoll.SyscallConn()
	if err != nil {
		return
	}
	var evs [64]unix.EpollEvent
	for {
		n := 0
		err := raw.Read(func(epfd uintptr) bool {
			n, _ = unix.EpollWait(int(epfd), evs[:], 0)
			return n > 0
		})
		if err != nil {
			return
		}
		if !a.report(epoll, evs[:n]) {
			return
		}
	}
}

func (a *watcher) report(epoll *os.File, evs []unix.EpollEvent) (goOn bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.epoll != epoll { // closed, perhaps opened anew: those are not our descriptors
		return false
	}
	for _, ev := range evs {
		if w := a.by[watchID(ev)]; w != nil {
			a.forget(w)
			w.gone()
		}
	}
	a.closeIfIdle()
	return a.epoll == epoll
}
