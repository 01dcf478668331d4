//go:build linux

package futex

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The runtime learns of a system call that lasts from its monitor, which looks every
// 20 µs, and where a processor has nothing else to do takes that processor back after
// 10 ms only: some fifty thread switches a sleep. To give the processor up at once, as
// the runtime's own sleeps do, saves them, and costs a wake several times as much. So
// it is for sleeps that are expected to last.

// Both functions are of those whose names and signatures the runtime keeps for its
// users (go.dev/issue/67401).

//go:linkname entersyscallblock runtime.entersyscallblock
func entersyscallblock()

//go:linkname exitsyscall runtime.exitsyscall
func exitsyscall()

// sleep is a system call that sleeps, for long or not. What memory points to must not
// move: between the two calls the goroutine's stack does not.
//
//go:noinline
//go:norace
func sleep(long bool, trap uintptr, memory unsafe.Pointer, a2, a3 uintptr, timeout unsafe.Pointer, a5 uintptr) (uintptr, unix.Errno) {
	if !long {
		r, _, errno := unix.Syscall6(trap, uintptr(memory), a2, a3, uintptr(timeout), a5, 0)
		return r, errno
	}
	entersyscallblock()
	r, _, errno := unix.RawSyscall6(trap, uintptr(memory), a2, a3, uintptr(timeout), a5, 0)
	exitsyscall()
	return r, errno
}
