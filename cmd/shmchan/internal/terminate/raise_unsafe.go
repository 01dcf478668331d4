//go:build linux

package terminate

import (
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sigaction is at least as large as the kernel's struct, all of whose zero values
// are wanted here: SIG_DFL, no flags, nothing masked.
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     [2]uint64
}

// maskBytes returns the size of the kernel's signal mask, which it insists on: of
// 128 signals on MIPS, of 64 elsewhere.
func maskBytes(arch string) uintptr {
	if strings.HasPrefix(arch, "mips") {
		return 16
	}
	return 8
}

// raise restores the default action of sig, unblocks it in this thread, since the
// process may have been started with it blocked, and sends it there. signal.Reset
// would not do: it gives SIGPIPE back to the Go runtime, which ignores it.
func raise(sig syscall.Signal) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var def sigaction
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig),
		uintptr(unsafe.Pointer(&def)), 0, maskBytes(runtime.GOARCH), 0, 0)
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
