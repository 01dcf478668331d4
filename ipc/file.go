package ipc

import (
	"sync"
	"time"

	"github.com/shmchan/shmchan/internal/heartbeat"
	"github.com/shmchan/shmchan/internal/process"
)

// What an end does about the channel's file: it finds out that the file has lost its
// name, and keeps programs that clear up by age from taking it.

// directories are the directories in which ends of this process have their files. The
// process's heartbeat looks whether a directory's path means another directory, or
// the directory was changed: nothing in it is removed, renamed or made without that.
// Only then each end looks at its own file. So a process with thousands of idle ends
// makes one system call a beat.
type directories struct {
	mu sync.Mutex
	by map[dirKey]*dirWatch
}

type dirKey struct {
	dir   string
	every time.Duration
}

// dirWatch is one directory, looked at once in a heartbeat.
type dirWatch struct {
	beat, aging *heartbeat.Beat

	mu    sync.Mutex
	ends  map[filed]struct{}
	state heartbeat.File // of the directory, when the ends looked last
	again int64          // monotonic time until which they look at every beat
}

// filed is an end whose file is looked at. Its methods run with the watch's lock
// held: they must not attach nor close ends.
type filed interface {
	lookAtFile()
	refresh() (linked bool)
}

// timeGrain is how far apart two changes of a directory must be to get different
// times: one tick of the kernel's clock is up to 10 ms.
const timeGrain = 50 * time.Millisecond

// refreshAfter is the age at which an end sets the file's times to now: a few times
// a day. Programs that clear up by age wait for a day at least. The age is looked at
// every ageLook. Variables for tests.
var (
	refreshAfter = 4 * time.Hour
	ageLook      = refreshAfter / 8
)

var watched = directories{by: map[dirKey]*dirWatch{}}

// add has e look at its file from now on, and once now.
func (p *directories) add(e filed, k dirKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.by[k]
	if w == nil {
		w = &dirWatch{ends: map[filed]struct{}{}}
		p.by[k] = w
		w.mu.Lock()
		w.beat = heartbeat.Add(heartbeat.Words{}, k.every, k.dir, w.look)
		w.aging = heartbeat.Add(heartbeat.Words{}, ageLook, "", w.refresh)
		w.aging.After(2) // the first is at once
		w.mu.Unlock()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ends[e] = struct{}{}
	w.again = process.Monotonic() + int64(timeGrain) // its directory may have changed already
	w.beat.After(1)
}

// remove ends that: once it has returned, e does not look.
func (p *directories) remove(e filed, k dirKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.by[k]
	if w == nil {
		return
	}
	w.mu.Lock()
	delete(w.ends, e)
	last := len(w.ends) == 0
	w.mu.Unlock()
	if last {
		delete(p.by, k)
		w.beat.Remove()
		w.aging.Remove()
	}
}

// look is the tick of a directory that has changed, or may have: a change within the
// same grain of time can't be told from the one before.
func (w *dirWatch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := process.Monotonic()
	if state := w.beat.File(); state != w.state || state == (heartbeat.File{}) {
		w.state, w.again = state, now+int64(timeGrain)
	}
	for e := range w.ends {
		e.lookAtFile()
	}
	if now < w.again {
		w.beat.After(1)
	}
}

func (w *dirWatch) refresh() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for e := range w.ends {
		e.refresh()
	}
	w.aging.After(1)
}

// The directory's times are not set: a directory that is not empty is not removed by
// its age, and one that is empty is made again.

// refresh sets the file's times to now if they are old, and returns whether the file
// has a name. Where that is refused (the file is another user's, or the process
// has given its rights up) the next end may be luckier.
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
// the path means another, since this one or a directory on the way to it was renamed.
// A receiver without a sender that has lost it waits for nobody: every newcomer
// checks the name behind its lock, and goes elsewhere.
func (r *Receiver) lookAtFile() {
	if lost := r.nameLost(); r.nameless.Swap(lost) != lost {
		r.beat.Now()
	}
}

// isNameless reports whether the channel had lost its name at the last look and has not
// got it back.
func (r *Receiver) isNameless() bool {
	if !r.nameless.Load() {
		return false
	}
	r.nameless.Store(r.nameLost())
	return r.nameless.Load()
}

// nameLost looks whether the channel has lost its name, now.
func (r *Receiver) nameLost() bool {
	st, err := r.seg.FileState()
	return err == nil && !st.Linked || r.seg.NameLost()
}

// lookAtFile finds out whether the file has no name at all while no receiver is
// attached. Then none comes any more: each checks the name behind its lock, so one
// that still may attach holds that lock now. What was sent will never be received;
// senders learn of it, instead of filling the ring and waiting for ever.
//
// A file that was renamed is another matter: a receiver may come by the new name.
func (s *Sender) lookAtFile() {
	if st, err := s.seg.FileState(); err != nil || st.Linked {
		s.unlinked.Store(false)
		return
	}
	s.unlinked.Store(true)
	s.beat.Now()
}
