// Package heartbeat beats for the endpoints of a process and calls an endpoint's tick
// when a beat finds work for it.
//
// A beat is two stores, by default every 100 ms. A goroutine that wakes for them on a
// timer costs five thread switches: the poller's thread, the goroutine, a second thread
// that looks for more work and finds none. So where the architecture allows, the beats
// come from one thread outside the Go runtime (thread_linux_unsafe.go), the walker. It
// sleeps in futex(2), walks over the endpoints, and sleeps again, which is one thread
// switch. It runs no Go code. It reports through an eventfd to a goroutine, which calls
// the ticks that are due.
//
// An endpoint arms its beat while it sleeps. If a waker dies or is stopped between its
// publication and its wake, a beat finds the change at most one interval later. An idle
// endpoint runs no Go code. walk.go defines what a beat checks.
package heartbeat

import (
	"sync"
	"sync/atomic"
	"time"
)

// Words are the words of an endpoint that a beat stores or reads. If Beats is nil, the
// endpoint belongs to another process and the beat stores nothing. At, Shared and Line
// may be nil if they are not used.
type Words struct {
	Beats  *atomic.Uint64 // number of beats
	At     *atomic.Int64  // time of the last beat
	Shared *atomic.Uint64 // read for Differs, Reaches, Stands and Silent
	Line   *atomic.Uint64 // read for Stands, Changes and Lingers
}

// Beat is the heartbeat of one endpoint. Its methods are safe for concurrent use.
type Beat struct {
	entry entry
	mu    sync.Mutex // held while tick runs
	tick  func()     // nil once removed
}

// manager owns the walker and the goroutine that calls the ticks. Both exist only while
// there are endpoints.
type manager struct {
	mu     sync.Mutex
	beats  map[*Beat]struct{}
	walker walker
}

var all = manager{beats: map[*Beat]struct{}{}}

// Add begins to beat once per interval every, until Remove. This package's goroutine
// calls tick when a method of Beat asks for it. tick must not block or remove its own
// beat; it may add and remove other beats. If path, an absolute path, is not empty, tick
// is also called at the first beat, and at each beat at which the path refers to another
// file than at the previous beat or that file (a directory, for example) has changed.
func Add(w Words, every time.Duration, path string, tick func()) *Beat {
	b := &Beat{tick: tick}
	b.entry.init(w, every, path)
	all.mu.Lock()
	defer all.mu.Unlock()
	if len(all.beats) == 0 {
		all.walker.start(all.call)
	}
	all.beats[b] = struct{}{}
	all.walker.link(&b.entry)
	return b
}

// Remove ends the beats. After it has returned, tick is not running and the words are no
// longer accessed. Precondition: the caller holds no lock that tick takes. Remove is
// idempotent.
func (b *Beat) Remove() {
	all.remove(b)
	b.mu.Lock()
	b.tick = nil
	b.mu.Unlock()
}

func (m *manager) remove(b *Beat) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.beats[b]; !known {
		return
	}
	delete(m.beats, b)
	m.walker.unlink(&b.entry)
	if len(m.beats) == 0 {
		m.walker.stop()
	}
}

// Differs asks for a tick at each beat at which Shared differs from v, until Disarm.
func (b *Beat) Differs(v uint64) {
	b.entry.value.Store(v)
	b.entry.armed.Or(armDiffers)
}

// Reaches asks for a tick at each beat at which Shared is at or beyond v (modulo 2^64),
// until Disarm or Reached.
func (b *Beat) Reaches(v uint64) {
	b.entry.value.Store(v)
	b.entry.armed.Or(armReaches)
}

// Reached cancels Reaches.
func (b *Beat) Reached() { b.entry.armed.And(^uint32(armReaches)) }

// Stands asks for a tick at each beat at which Line is 0, or is unchanged since the
// previous beat although Shared has changed, until Disarm. It also asks for one tick at
// the first beat at which Line is unchanged since the previous beat.
func (b *Beat) Stands() { b.entry.armed.Or(armStands) }

// Changes asks for a tick at each beat at which Line has changed since the previous
// beat, until Remove. Line counts as 0 before the first beat.
func (b *Beat) Changes() { b.entry.armed.Or(armChanges) }

// Silent asks for a tick at each beat at which Shared is unchanged since the previous
// beat and At is more than one and a half intervals ago, until Remove. The half allows
// for an endpoint that beats at the same times as this process, which may always seem
// to be one beat late.
func (b *Beat) Silent() { b.entry.armed.Or(armSilent) }

// Lingers asks for a tick at each beat at which Line is not 0 and is unchanged since the
// previous beat, until Remove.
func (b *Beat) Lingers() { b.entry.armed.Or(armLingers) }

// File returns the present state of the file at the beat's path.
func (b *Beat) File() File { return look(b.entry.path) }

// Disarm cancels Differs, Reaches and Stands.
func (b *Beat) Disarm() { b.entry.armed.And(armChanges | armSilent | armLingers) }

// After asks for one tick at the n-th beat from now.
func (b *Beat) After(n uint32) { b.entry.after.Store(n) }

// Now asks for a tick at once.
func (b *Beat) Now() {
	b.entry.raised.Store(1)
	all.mu.Lock()
	defer all.mu.Unlock()
	if _, known := all.beats[b]; known {
		all.walker.report()
	}
}

// call calls the ticks that are due.
func (m *manager) call() {
	for _, b := range m.due() {
		b.mu.Lock()
		if b.tick != nil {
			b.tick()
		}
		b.mu.Unlock()
	}
}

func (m *manager) due() (due []*Beat) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for b := range m.beats {
		if b.entry.raised.Swap(0) != 0 {
			due = append(due, b)
		}
	}
	return due
}
