//go:build linux && (amd64 || arm64)

package busguard

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Supported reports whether ranges are guarded on this platform.
const Supported = true

// entries is the handler's table of ranges.
var entries [maxGuards]entry

// previous is the runtime's handler.
//
//lint:ignore U1000 the handler, in assembly, jumps to it
var previous uintptr

// sigaction is the kernel's struct sigaction, which is the same on both architectures.
type sigaction struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

// handlerAddress returns the address of the handler, which is in assembly.
func handlerAddress() uintptr

// install installs the handler before the runtime's, with the runtime's flags and mask:
// it runs on the alternate stack with all signals blocked. It reports whether it
// succeeded.
var install = sync.OnceValue(func() bool {
	var act sigaction
	const size = unsafe.Sizeof(act.mask)
	if _, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGBUS), 0, uintptr(unsafe.Pointer(&act)), size, 0, 0); errno != 0 {
		return false
	}
	const siginfo, onStack = 0x4, 0x08000000 // SA_SIGINFO, SA_ONSTACK
	if act.handler <= 1 || act.flags&siginfo == 0 || act.flags&onStack == 0 {
		return false // no runtime handler to forward to
	}
	previous = act.handler
	act.handler = handlerAddress()
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGBUS), uintptr(unsafe.Pointer(&act)), 0, size, 0, 0)
	return errno == 0
})

// Add guards mem, which must be whole pages of a mapping, until Remove. The guard must be
// removed before the memory is unmapped. It is safe for concurrent use.
func Add(mem []byte) Guard {
	if !install() {
		return Guard{&unguarded}
	}
	table.mu.Lock()
	defer table.mu.Unlock()
	i := take()
	if i < 0 {
		return Guard{&unguarded}
	}
	e := &entries[i]
	start := uintptr(unsafe.Pointer(unsafe.SliceData(mem)))
	e.set(start, start+uintptr(len(mem)))
	return Guard{e}
}

// Remove ends the guard. After it has returned, the memory is no longer replaced and may
// be unmapped. Precondition: the guard was not removed before.
func (g Guard) Remove() {
	if g.e == &unguarded {
		return
	}
	g.e.unset()
	table.mu.Lock()
	defer table.mu.Unlock()
	i := (uintptr(unsafe.Pointer(g.e)) - uintptr(unsafe.Pointer(&entries))) / unsafe.Sizeof(entry{})
	table.free = append(table.free, int(i))
}

// Broken reports whether an access met a page that the file no longer had. Reads since
// then may have returned zeroes, and writes since then are lost. It costs one load.
// Precondition: the guard was returned by Add or None.
func (g Guard) Broken() bool { return g.e.broken.Load() != 0 }

// None returns a guard of no memory, which is never broken.
func None() Guard { return Guard{&unguarded} }

// unguarded is the entry of ranges that are not guarded. It is never broken, and checking
// it costs the same.
var unguarded entry
