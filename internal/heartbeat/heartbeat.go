// Package heartbeat beats for the endpoints of a process, and calls an endpoint
// back when a beat finds something for it to do.
//
// A beat is two stores, every 100 ms. A goroutine that wakes for them on a timer
// costs five thread switches: the poller's thread, the goroutine, a second thread
// that looks for more work and finds none. So where the architecture allows, the
// beats come from a thread of their own that is no part of the Go runtime
// (thread_linux.go): it sleeps in futex(2), walks over the endpoints, and sleeps
// again, which is one thread switch. It runs no Go code. What it finds it reports
// through an eventfd to a goroutine, which calls the endpoint's tick.
//
// An endpoint arms its beat while it sleeps. A change that nobody woke it for,
// because the waker died or was stopped between its publication and its wake, is
// then found one interval later. An idle endpoint runs no Go code at all. walk.go
// lists what a beat looks at.
package heartbeat

import (
	"sync"
	"sync/atomic"
	"time"
)

// Words are what Add needs of an endpoint. Without Beats nothing is stored: the
// endpoint is another process's, and is only looked at. At, Shared and Line may be nil
// if they are not used.
type Words struct {
	Beats  *atomic.Uint64 // counts the beats
	At     *atomic.Int64  // the time of the last one
	Shared *atomic.Uint64 // what Differs, Reaches, Stands and Silent look at
	Line   *atomic.Uint64 // what Stands and Changes look at
}

// Beat is the heartbeat of one endpoint. Its methods are safe for concurrent use.
type Beat struct {
	entry entry
	mu    sync.Mutex // held while tick runs
	tick  func()     // nil once removed
}

// manager owns the walker and the goroutine that calls back. They exist while
// there are endpoints.
type manager struct {
	mu     sync.Mutex
	beats  map[*Beat]struct{}
	walker walker
}

var all = manager{beats: map[*Beat]struct{}{}}

// Add begins to beat every interval, until Remove. It calls tick, from the one
// goroutine of this package, as the methods of Beat ask for. tick must not block, nor
// remove its own beat; others it may add and remove. If there is a path, which is
// absolute, tick is also called at the first beat, and at each at which the path means
// another file than at the beat before, or that file, a directory say, was changed.
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

// Remove ends the beating. Once it has returned, tick is not running and the words
// are not touched any more. Precondition: the caller holds no lock that tick takes.
// Idempotent.
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

// Differs asks for a tick at each beat at which Shared is not v, until Disarm.
func (b *Beat) Differs(v uint64) {
	b.entry.value.Store(v)
	b.entry.armed.Or(armDiffers)
}

// Reaches asks for a tick at each beat at which Shared is v or beyond, where values
// wrap, until Disarm.
func (b *Beat) Reaches(v uint64) {
	b.entry.value.Store(v)
	b.entry.armed.Or(armReaches)
}

// Reached ends what Reaches asked for.
func (b *Beat) Reached() { b.entry.armed.And(^uint32(armReaches)) }

// Stands asks for a tick at each beat at which Line is 0, or the same as at the
// beat before although Shared has changed, until Disarm. It also asks for one tick at
// the first beat at which Line is the same as at the beat before.
func (b *Beat) Stands() { b.entry.armed.Or(armStands) }

// Changes asks for a tick at each beat at which Line is not what it was at the beat
// before, for good. Line counts as 0 before the first.
func (b *Beat) Changes() { b.entry.armed.Or(armChanges) }

// Silent asks for a tick at each beat at which Shared is what it was at the beat
// before, and At more than one and a half intervals ago, for good: what beats at the
// same times as this process may always seem to be one beat late.
func (b *Beat) Silent() { b.entry.armed.Or(armSilent) }

// Lingers asks for a tick at each beat at which Line is not 0 and is what it was at the
// beat before, for good.
func (b *Beat) Lingers() { b.entry.armed.Or(armLingers) }

// File looks at the file at the beat's path, now.
func (b *Beat) File() File { return look(b.entry.path) }

// Disarm ends what Differs, Reaches and Stands asked for.
func (b *Beat) Disarm() { b.entry.armed.And(armChanges | armSilent | armLingers) }

// After asks for one tick, at the n-th beat from now.
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
