package process

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A Watch calls a function once when its process is gone.
type Watch struct {
	of   *watched
	gone func()
}

// watched is a watched process. It has one descriptor, however many watches it has.
type watched struct {
	process Identity
	id      uint64 // never 0
	pidfd   int
	watches map[*Watch]struct{}
}

// event returns the epoll event to register, with the id in the word that the kernel
// returns unchanged.
func (p *watched) event() unix.EpollEvent {
	return unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(p.id), Pad: int32(p.id >> 32)}
}

// watchedID returns the id of the process that the event is about.
func watchedID(ev unix.EpollEvent) uint64 { return uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32 }

// watcher waits for all processes that this process watches, with one epoll descriptor
// and one goroutine. Both exist only while a process is watched.
type watcher struct {
	mu    sync.Mutex
	epoll *os.File
	by    map[uint64]*watched
	of    map[Identity]*watched
	// last is the id assigned last. Unlike descriptor numbers, ids are never reused. So
	// an event that the kernel reported before its watch was removed is not taken for
	// another process's.
	last uint64
}

var all watcher

// errDescriptors means that a watch would take one of the last descriptors.
var errDescriptors = errors.New("few descriptors are left")

// Await calls gone once, soon after the process id has died. At that time the kernel has
// already released the process's file locks. It returns an error and does not watch if
// the process is in another PID namespace, its pid belongs to another process, the kernel
// has no pidfd_open (before 5.3), or only the last quarter of this process's descriptors
// is free; the caller must then poll instead. gone must not block or call Await or
// Cancel. It is safe for concurrent use.
func Await(id Identity, gone func()) (*Watch, error) {
	if self := Self(); id.NS == 0 || id.NS != self.NS {
		return nil, fmt.Errorf("watch process %d: another PID namespace: %w", id.PID, errors.ErrUnsupported)
	}
	w := &Watch{gone: gone}
	if err := all.add(w, id); err != nil {
		return nil, fmt.Errorf("watch process %d: %w", id.PID, err)
	}
	return w, nil
}

// Cancel ends the watch. After it has returned, gone is not running and will not be
// called. It is idempotent.
func (w *Watch) Cancel() { all.remove(w) }

func (a *watcher) add(w *Watch, id Identity) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.of[id]
	if p == nil {
		var err error
		if p, err = a.open(id); err != nil {
			return err
		}
	}
	w.of = p
	p.watches[w] = struct{}{}
	return nil
}

// open begins to watch a process that is not watched yet.
func (a *watcher) open(id Identity) (*watched, error) {
	fd, err := unix.PidfdOpen(id.PID, 0) // no flags: older kernels refuse them
	if err != nil {
		return nil, err
	}
	if scarce(fd) {
		_ = unix.Close(fd)
		return nil, errDescriptors
	}
	// The descriptor refers to the process that has the number now, perhaps another one.
	if start, err := startTime(id.PID); err != nil || start != id.Start {
		_ = unix.Close(fd)
		return nil, os.ErrProcessDone
	}
	a.last++
	p := &watched{process: id, id: a.last, pidfd: fd, watches: map[*Watch]struct{}{}}
	if err := a.enter(p); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return p, nil
}

// scarce reports whether fd, the lowest free descriptor before it was opened, is in the
// last quarter of the descriptors that this process may have.
func scarce(fd int) bool {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return false
	}
	return uint64(fd) >= uint64(limit.Cur)/4*3
}

func (a *watcher) enter(p *watched) error {
	if a.epoll == nil {
		fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
		if err != nil {
			return err
		}
		if err := unix.SetNonblock(fd, true); err != nil { // so that the runtime polls it without a thread
			_ = unix.Close(fd)
			return err
		}
		a.epoll = os.NewFile(uintptr(fd), "pidfds")
		a.by, a.of = map[uint64]*watched{}, map[Identity]*watched{}
		go a.run(a.epoll)
	}
	ev := p.event()
	if err := a.control(unix.EPOLL_CTL_ADD, p.pidfd, &ev); err != nil {
		a.closeIfIdle()
		return err
	}
	a.by[p.id], a.of[p.process] = p, p
	return nil
}

func (a *watcher) remove(w *Watch) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := w.of
	if _, waits := p.watches[w]; !waits {
		return
	}
	delete(p.watches, w)
	if len(p.watches) == 0 {
		a.forget(p)
		a.closeIfIdle()
	}
}

func (a *watcher) forget(p *watched) {
	delete(a.by, p.id)
	delete(a.of, p.process)
	_ = a.control(unix.EPOLL_CTL_DEL, p.pidfd, nil)
	_ = unix.Close(p.pidfd)
}

func (a *watcher) closeIfIdle() {
	if len(a.by) == 0 {
		_ = a.epoll.Close()
		a.epoll, a.by, a.of = nil, nil, nil
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
	if a.epoll != epoll { // closed, perhaps replaced: the events are not of the current one
		return false
	}
	for _, ev := range evs {
		p := a.by[watchedID(ev)]
		if p == nil {
			continue
		}
		a.forget(p)
		watches := p.watches
		p.watches = nil // so that Cancel does nothing
		for w := range watches {
			w.gone()
		}
	}
	a.closeIfIdle()
	return a.epoll == epoll
}
