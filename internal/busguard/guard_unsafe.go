//go:build linux && (amd64 || arm64)

package busguard

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Supported says whether ranges are guarded here.
const Supported = true

// entries is what the handler looks ranges up in.
var entries [maxGuards]entry

// previous is the runtime's handler.
//
//lint:ignore U1000 the handler, in assembly, goes on to it
var previous uintptr

// sigaction is the kernel's struct of that name, the same on both architectures.
type sigaction struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

// handlerAddress returns the address of the handler, which is in assembly.
func handlerAddress() uintptr

// install puts the handler before the runtime's, with its flags and mask: on the
// alternate stack, all signals blocked.
var install = sync.OnceValue(func() bool {
	var act sigaction
	const size = unsafe.Sizeof(act.mask)
	if _, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGBUS), 0, uintptr(unsafe.Pointer(&act)), size, 0, 0); errno != 0 {
		return false
	}
	const siginfo, onStack = 0x4, 0x08000000 // SA_SIGINFO, SA_ONSTACK
	if act.handler <= 1 || act.flags&siginfo == 0 || act.flags&onStack == 0 {
		return false // default or ignored: nothing to go before
	}
	previous = act.handler
	act.handler = handlerAddress()
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGBUS), uintptr(unsafe.Pointer(&act)), 0, size, 0, 0)
	return errno == 0
})

// Add guards mem, whole pages of a mapping, until Remove, which must come before
// the memory is unmapped. Safe for concurrent use.
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

// Remove ends the guard: once it has returned, the memory is no longer replaced
// and may be unmapped. Precondition: the guard was not removed before.
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

// Broken reports whether part of the memory was gone when it was touched: what was
// read since may be zeroes, what was written since is lost. It is one load.
// Precondition: the guard is of Add.
func (g Guard) Broken() bool { return g.e.broken.Load() != 0 }

// None returns a guard of no memory, which is never broken.
func None() Guard { return Guard{&unguarded} }

// unguarded stands for ranges that are not guarded: never broken, and a look costs
// no more.
var unguarded entry
