// Package busguard keeps a truncated file from killing the processes that map it.
//
// Accessing a mapped page that the file no longer has raises SIGBUS, which ends a Go
// program. A guard covers a range of addresses. The first such fault in the range
// replaces the whole range by private zeroed memory and marks the guard as broken; then
// the instruction continues. A user of the memory checks Broken after each use, which is
// one load from private memory and not measurable. (The runtime's own means,
// debug.SetPanicOnFault, must be set and reset around every access.)
//
// The handler is installed by sigaction before the runtime's, to which it forwards every
// other SIGBUS. It only compares addresses, changes two words and calls mmap(2), which
// is safe in a signal handler. X servers do the same for libxshmfence ("busfault.c").
//
// Guards exist on linux/amd64 and linux/arm64. On other systems and architectures
// nothing is guarded, and accessing a truncated file ends the program.
//
// # Entries
//
// The handler takes no lock, so a range may be removed, and its entry reused for another
// range, between any two of its steps. The entry's state word decides; it holds a
// generation, whether the entry is active, and how many handlers are replacing the
// range:
//
//	handler                              Remove, then Add of another range
//	H1 s = state; not active: next       A1 state: active → inactive
//	H2 start ≤ address < end, or next    A2 wait until state counts no handler
//	H3 state: s → s+1, or back to H1     A3 start, end, broken of the next range
//	H4 broken = 1; mmap over the range   A4 state: generation+1, active
//	H5 state: one less
//
// H3 validates start and end together. A state never recurs, since each range has its
// own generation; so if the state is still s, A1 has not happened, and H2 read both
// bounds of the active range. If A1 comes before H3, H3 fails and the handler reads the
// entry again. If A1 comes after H3, A2 waits for H5, and only then may the caller of
// Remove unmap the range. So the range that H4 replaces is guarded at that time, hence
// still mapped, whatever other threads do, and memory mapped later at the same addresses
// is never replaced. Two threads that fault at once both replace the range; the second
// discards what the first has since written there, which is lost anyway, as everything
// in a truncated file is.
//
// The replaced memory is also the memory that the thread accessed: the fault's address
// lies in a mapping that the thread uses, which therefore stays mapped, and in the
// guarded range, which is mapped; two mappings do not overlap.
package busguard

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// maxGuards is the number of ranges that a process can guard at a time. Further ranges
// are not guarded.
const maxGuards = 16384

// entry is one range, as the handler reads it. The handler finds the fields by the
// offsets that go_asm.h derives from this struct.
type entry struct {
	state      atomic.Uint64 // generation, active, number of handlers
	start, end atomic.Uintptr
	broken     atomic.Uintptr // 1: the range was replaced
}

// The parts of a state.
const (
	handlers   = active - 1 // mask of the number of handlers; exceeds the number of threads
	active     = 1 << 20
	generation = active << 1 // one generation
)

// set guards the range from start to end. Precondition: the caller owns the entry, which
// is not active.
func (e *entry) set(start, end uintptr) {
	e.broken.Store(0)
	e.start.Store(start)
	e.end.Store(end)
	e.state.Store(e.state.Load() + generation | active) // A4
}

// unset ends the guard. After it has returned, no handler replaces the range.
func (e *entry) unset() {
	e.state.And(^uint64(active)) // A1
	for n := 0; e.state.Load()&handlers != 0; n++ {
		// A handler needs a few instructions and one system call to finish.
		if n < 100 {
			runtime.Gosched()
		} else {
			time.Sleep(10 * time.Microsecond)
		}
	}
}

// Guard is a guarded range.
type Guard struct{ e *entry }

var table struct {
	mu   sync.Mutex
	free []int // entries to reuse
	used int   // number of entries ever used
}

func take() int {
	if n := len(table.free); n > 0 {
		i := table.free[n-1]
		table.free = table.free[:n-1]
		return i
	}
	if table.used == maxGuards {
		return -1
	}
	table.used++
	return table.used - 1
}
