package heartbeat

import (
	"sync/atomic"
	"time"

	"github.com/shmchan/shmchan/internal/process"
)

// entry is one endpoint in the walker's list. Only the walker writes due, seen, stood
// and file; Go code writes the other fields.
type entry struct {
	next   atomic.Pointer[entry]
	prev   *entry // used by Go code only
	beats  *atomic.Uint64
	at     *atomic.Int64
	shared *atomic.Uint64
	line   *atomic.Uint64
	every  int64         // nanoseconds
	phase  int64         // beats are due at phase plus multiples of every
	due    int64         // monotonic time of the next beat
	value  atomic.Uint64 // operand of Differs or Reaches
	seen   [2]uint64     // shared and line at the last beat
	stood  uint64        // value of line for which Stands raised its last tick
	armed  atomic.Uint32 // arm bits
	after  atomic.Uint32 // beats until an unconditional tick; 0: none
	raised atomic.Uint32 // 1: a tick is due
	_      uint32
	path   *byte // NUL-terminated path of the file to check; nil: none
	file   File  // that file at the last beat
}

// A beat that is later than lateBy (nanoseconds) plus two intervals indicates that the
// process was stopped. It raises a tick, since other processes may have passed over its
// endpoints meanwhile.
const lateBy = 50_000_000

const (
	armDiffers = 1 << iota
	armReaches
	armStands
	armChanges
	armSilent
	armLingers
)

// File identifies a state of a file: inode, device, and the time of its last change in
// seconds and nanoseconds. All are zero if the file can't be examined.
type File [4]uint64

func (e *entry) init(w Words, every time.Duration, path string) {
	e.beats, e.at, e.shared, e.line = w.Beats, w.At, w.Shared, w.Line
	if e.shared == nil {
		e.shared = &unshared
	}
	if e.line == nil {
		e.line = &unshared
	}
	e.every = int64(every)
	if path != "" {
		e.path = &append([]byte(path), 0)[0]
	}
	// Endpoints with equal intervals beat at the same times in all processes of the
	// machine, and so do those whose intervals are multiples: a process wakes once for
	// all of them.
	e.phase = process.ClockOffset()
}

// unshared replaces a word that is nil.
var unshared atomic.Uint64

// list holds the entries that the walker visits, and shows Go code whether a walk is in
// progress.
//
// The walker adds 1 to pass before and after a walk, so pass is odd during a walk.
// Unlinking takes the entry out, reads pass, and waits until pass changes if it was odd.
// Each step is a locked instruction or a load after one. So unlink sees a walk that
// began before the entry was out, and a walk that begins later does not meet the entry.
// The entry keeps its own next, so a walk that has reached it continues.
type list struct {
	first atomic.Pointer[entry]
	pass  atomic.Uint64
}

func (l *list) link(e *entry) {
	first := l.first.Load()
	if first != nil {
		first.prev = e
	}
	e.next.Store(first)
	l.first.Store(e)
}

// unlink takes the entry out and waits until no walk can be on it. Preconditions: the
// entry is in the list; no other goroutine links or unlinks at the same time.
func (l *list) unlink(e *entry) {
	at, next := &l.first, e.next.Load()
	if e.prev != nil {
		at = &e.prev.next
	}
	if next != nil {
		next.prev = e.prev
	}
	at.Store(next)
	for pass := l.pass.Load(); pass&1 != 0 && l.pass.Load() == pass; {
		time.Sleep(10 * time.Microsecond)
	}
}

// walk beats for the endpoints that are due at the monotonic time now, which in other
// time namespaces counts as now - offset. It returns the time of the next beat and
// whether a tick is due. thread_linux_*.s does the same, line by line.
func (l *list) walk(now, offset int64) (next int64, raised bool) {
	l.pass.Add(1)
	next = now + int64(time.Hour)
	for e := l.first.Load(); e != nil; e = e.next.Load() {
		if e.due <= now {
			raised = e.beat(now, offset) || raised
		}
		next = min(next, e.due)
	}
	l.pass.Add(1)
	return next, raised
}

func (e *entry) beat(now, offset int64) bool {
	if e.beats != nil {
		e.at.Store(now - offset)
		e.beats.Add(1)
	}
	raise := e.due != 0 && now-e.due > 2*e.every+lateBy
	e.due = now - (now-e.phase)%e.every + e.every
	if armed := e.armed.Load(); armed != 0 {
		shared, line := e.shared.Load(), e.line.Load()
		if armed&armStands != 0 && (line == 0 || line == e.seen[1] && (shared != e.seen[0] || line != e.stood)) {
			e.stood, raise = line, true
		}
		switch value := e.value.Load(); {
		case armed&armDiffers != 0 && shared != value,
			armed&armReaches != 0 && int64(shared-value) >= 0,
			armed&armChanges != 0 && line != e.seen[1],
			armed&armLingers != 0 && line != 0 && line == e.seen[1],
			armed&armSilent != 0 && shared == e.seen[0] && uint64(now-offset-e.at.Load()) > uint64(e.every+e.every/2):
			raise = true
		}
		e.seen = [2]uint64{shared, line}
	}
	if after := e.after.Load(); after != 0 {
		e.after.CompareAndSwap(after, after-1) // fails if After was called again
		raise = raise || after == 1
	}
	if e.path != nil {
		if now := look(e.path); now != e.file {
			e.file, raise = now, true
		}
	}
	if raise {
		e.raised.Store(1)
	}
	return raise
}
