//go:build linux

package terminate

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sigaction is the kernel's struct, all of whose zero values are wanted here:
// SIG_DFL, no flags, nothing masked.
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

// raise restores the default action of sig and sends it to this process.
// signal.Reset would not do: it gives SIGPIPE back to the Go runtime, which
// ignores it.
func raise(sig syscall.Signal) error {
	var def sigaction
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig),
		uintptr(unsafe.Pointer(&def)), 0, unsafe.Sizeof(def.mask), 0, 0)
	if errno != 0 {
		return errno
	}
	return unix.Kill(unix.Getpid(), sig)
}
