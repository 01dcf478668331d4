package ipc

import (
	"sync"
	"time"

	"github.com/shmchan/shmchan/internal/heartbeat"
	"github.com/shmchan/shmchan/internal/process"
)

// What an endpoint does about the channel's file: it finds out whether the file has
// lost its name, and protects it from programs that remove files by age.

// directories are the directories that hold the files of this process's endpoints.
// The heartbeats check whether a directory's path now names another directory, and
// whether the directory has changed: no file in it is removed, renamed or made
// without changing it. Only then does each endpoint check its own file. So a process
// with thousands of idle endpoints makes one system call a beat.
type directories struct {
	mu sync.Mutex
	by map[dirKey]*dirWatch
}

type dirKey struct {
	dir   string
	every time.Duration
}

// dirWatch is one directory, checked once a heartbeat.
type dirWatch struct {
	beat, aging *heartbeat.Beat

	mu        sync.Mutex
	endpoints map[filed]struct{}
	state     heartbeat.File // of the directory, at the endpoints' last check
	again     int64          // monotonic time until which they check at every beat
}

// filed is an endpoint whose file is checked. Its methods run with the watch's lock
// held: they must not attach or close endpoints.
type filed interface {
	lookAtFile()
	refresh() (linked bool)
}

// timeGrain is how far apart two changes of a directory must be to get different
// timestamps: a tick of the kernel's clock is up to 10 ms.
const timeGrain = 50 * time.Millisecond

// refreshAfter is the age at which an endpoint sets the file's times to now, a few
// times a day: programs that remove files by age wait for at least a day. The age is
// checked every ageLook. They are variables for tests.
var (
	refreshAfter = 4 * time.Hour
	ageLook      = refreshAfter / 8
)

var watched = directories{by: map[dirKey]*dirWatch{}}

// add makes e check its file now and from now on.
func (p *directories) add(e filed, k dirKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.by[k]
	if w == nil {
		w = &dirWatch{endpoints: map[filed]struct{}{}}
		p.by[k] = w
		w.mu.Lock()
		w.beat = heartbeat.Add(heartbeat.Words{}, k.every, k.dir, w.look)
		w.aging = heartbeat.Add(heartbeat.Words{}, ageLook, "", w.refresh)
		w.aging.After(2) // a new Beat's first beat is immediate
		w.mu.Unlock()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endpoints[e] = struct{}{}
	w.again = process.Monotonic() + int64(timeGrain) // the directory may have changed already
	w.beat.After(1)
}

// remove undoes add. After it has returned, e's methods are not called.
func (p *directories) remove(e filed, k dirKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.by[k]
	if w == nil {
		return
	}
	w.mu.Lock()
	delete(w.endpoints, e)
	last := len(w.endpoints) == 0
	w.mu.Unlock()
	if last {
		delete(p.by, k)
		w.beat.Remove()
		w.aging.Remove()
	}
}

// look is the tick for a directory that has changed, or may have: a change within
// timeGrain of another can't be distinguished from it.
func (w *dirWatch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := process.Monotonic()
	if state := w.beat.File(); state != w.state || state == (heartbeat.File{}) {
		w.state, w.again = state, now+int64(timeGrain)
	}
	for e := range w.endpoints {
		e.lookAtFile()
	}
	if now < w.again {
		w.beat.After(1)
	}
}

func (w *dirWatch) refresh() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for e := range w.endpoints {
		e.refresh()
	}
	w.aging.After(1)
}

// The directory's own times are not set: programs that remove by age leave a
// directory that is not empty, and an empty one is made again.

// refresh sets the file's times to now if they are old, and reports whether the file
// has a name. Where setting them is refused (the file belongs to another user, or
// the process has dropped its privileges) another endpoint may succeed.
func (e *endpoint) refresh() (linked bool) {
	st, err := e.seg.FileState()
	if err != nil {
		return true
	}
	if st.Linked && st.Age > refreshAfter && time.Since(e.touched) > refreshAfter {
		e.touched = time.Now()
		_ = e.seg.Refresh() // see above
	}
	return st.Linked
}

// lookAtFile finds out whether the channel has lost its name: the file has none, or
// the path names another file, because this one or a directory on its path was
// renamed. A receiver without senders whose channel has no name need not wait: every
// newcomer checks the name after it takes its lock, and opens another file.
func (r *Receiver) lookAtFile() {
	if lost := r.nameLost(); r.nameless.Swap(lost) != lost {
		r.beat.Now()
	}
}

// isNameless reports whether the channel had lost its name at the last check and has
// not regained it.
func (r *Receiver) isNameless() bool {
	if !r.nameless.Load() {
		return false
	}
	r.nameless.Store(r.nameLost())
	return r.nameless.Load()
}

// nameLost checks whether the channel has lost its name.
func (r *Receiver) nameLost() bool {
	st, err := r.seg.FileState()
	return err == nil && !st.Linked || r.seg.NameLost()
}

// lookAtFile finds out whether the file has no name at all while no receiver is
// attached. Then no receiver can attach: each checks the name after it takes its
// lock, so one that can still attach holds that lock now. Messages already sent will
// never be received; senders learn of it, instead of filling the ring and waiting
// forever.
//
// A renamed file is different: a receiver may open it by the new name.
func (s *Sender) lookAtFile() {
	if st, err := s.seg.FileState(); err != nil || st.Linked {
		s.unlinked.Store(false)
		return
	}
	s.unlinked.Store(true)
	s.beat.Now()
}
