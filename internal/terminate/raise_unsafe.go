//go:build linux

package terminate

import (
	"runtime"
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

// raise restores the default action of sig, unblocks it in this thread, since the
// process may have been started with it blocked, and sends it there. signal.Reset
// would not do: it gives SIGPIPE back to the Go runtime, which ignores it.
func raise(sig syscall.Signal) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var def sigaction
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig),
		uintptr(unsafe.Pointer(&def)), 0, unsafe.Sizeof(def.mask), 0, 0)
	if errno != 0 {
		return errno
	}
	var set unix.Sigset_t
	n := uintptr(sig-1) / (8 * unsafe.Sizeof(set.Val[0]))
	set.Val[n] = 1 << (uintptr(sig-1) % (8 * unsafe.Sizeof(set.Val[0])))
	if err := unix.PthreadSigmask(unix.SIG_UNBLOCK, &set, nil); err != nil {
		return err
	}
	return unix.Tgkill(unix.Getpid(), unix.Gettid(), sig)
}
