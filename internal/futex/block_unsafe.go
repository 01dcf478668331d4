//go:build linux

package futex

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The runtime's monitor looks for long system calls every 20 µs. If a P has no other
// work, the monitor retakes it only after 10 ms, which costs some fifty thread switches
// a sleep. Giving up the P at once, as the runtime's own sleeps do, avoids them, but
// makes a wake several times as expensive. So sleep does so only if the sleep is
// expected to be long.

// The runtime keeps the names and signatures of both functions for its users
// (go.dev/issue/67401).

//go:linkname entersyscallblock runtime.entersyscallblock
func entersyscallblock()

//go:linkname exitsyscall runtime.exitsyscall
func exitsyscall()

// sleep executes a system call that sleeps. long means that the sleep is expected to be
// long. The memory that the pointers refer to must not move: the goroutine's stack does
// not move between the two runtime calls.
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
