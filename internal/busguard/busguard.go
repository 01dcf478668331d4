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
// goes on, and does nothing but compare addresses, store one word and call
// mmap(2), which is safe in a signal handler. The idea is that of libxshmfence's
// users, the X servers ("busfault.c").
package busguard

import (
	"sync"
	"sync/atomic"
)

// maxGuards is how many ranges one process can guard at a time. Ranges beyond
// that are not guarded.
const maxGuards = 16384

// entry is one range as the handler reads it. start is stored last and cleared
// first.
type entry struct {
	start, end atomic.Uintptr
	broken     atomic.Uintptr // 1 once the range was replaced
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
