// Package busguard keeps a truncated file from killing the processes that have it
// mapped.
//
// Touching a mapped page that the file no longer has raises SIGBUS, which ends a
// Go program. A guard is a range of addresses; while one stands, the first such
// fault in it replaces the whole range by private zeroed memory, marks the guard
// as broken, and the instruction goes on. Whoever uses the memory looks at Broken
// after using it: a load from memory of its own, so the way costs nothing that
// can be measured. (The runtime's own means, debug.SetPanicOnFault, must be set
// and reset around every access.)
//
// The handler is set by sigaction over the runtime's, to which every other SIGBUS
// goes on, and does nothing but compare addresses, change two words and call
// mmap(2), which is safe in a signal handler. The idea is that of libxshmfence's
// users, the X servers ("busfault.c").
//
// It is there on linux/amd64 and linux/arm64. On other systems and architectures
// nothing is guarded, and touching a truncated file ends the program.
//
// # Entries
//
// The handler takes no lock, so a range may be removed, and its entry used for
// another range, between any two of its steps. What decides is the entry's state
// word, which holds a generation, whether a range stands, and how many handlers
// are replacing it:
//
//	handler                              Remove, then Add of another range
//	H1 s = state; not active: next       A1 state: active → inactive
//	H2 start ≤ address < end, or next    A2 wait until state counts no handler
//	H3 state: s → s+1, or back to H1     A3 start, end, broken of the next range
//	H4 broken = 1; mmap over the range   A4 state: generation+1, active
//	H5 state: one less
//
// H3 makes start and end one decision: no state ever comes back, since each range
// has a generation of its own, so if the state is still s then A1 has not
// happened, and H2 read the two bounds of the range that stands. If A1 comes
// before H3, H3 fails and the handler looks at the entry anew. If it comes after
// H3, A2 waits for H5, and only then may the caller of Remove unmap the range.
// So what H4 replaces is guarded at that time, hence still mapped, whatever the
// other threads do: memory that somebody else mapped at those addresses later is
// never touched. Two threads that fault at once both replace the range; what the
// first has written there by then is lost, as everything in a truncated file is.
//
// And it is the memory that the thread touched: the fault's address lies in a
// mapping that the thread uses, which therefore stays, and in the guarded range,
// which is mapped; two mappings do not overlap.
package busguard

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// maxGuards is how many ranges one process can guard at a time. Ranges beyond
// that are not guarded.
const maxGuards = 16384

// entry is one range as the handler reads it, which finds the fields by the
// offsets that go_asm.h takes from here.
type entry struct {
	state      atomic.Uint64 // generation, active, handlers at work
	start, end atomic.Uintptr
	broken     atomic.Uintptr // 1 once the range was replaced
}

// The parts of a state.
const (
	handlers   = active - 1 // mask of their number, far more than threads can be
	active     = 1 << 20
	generation = active << 1 // what one more adds
)

// set guards the range from start to end. Precondition: the entry is the
// caller's and not active.
func (e *entry) set(start, end uintptr) {
	e.broken.Store(0)
	e.start.Store(start)
	e.end.Store(end)
	e.state.Store(e.state.Load() + generation | active) // A4
}

// unset ends the guard: once it has returned, no handler replaces the range.
func (e *entry) unset() {
	e.state.And(^uint64(active)) // A1
	for n := 0; e.state.Load()&handlers != 0; n++ {
		// A handler is a few instructions and one system call away from its end.
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
	free []int // entries that were used and are free again
	used int   // entries ever used
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
