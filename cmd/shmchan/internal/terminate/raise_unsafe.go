//go:build linux

package terminate

import (
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sigaction is at least as large as the struct of the kernel. Its zero value is SIG_DFL, no
// flags and an empty mask.
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     [2]uint64
}

// maskBytes returns the size of a signal mask that the kernel requires: that of 128
// signals on MIPS, and of 64 elsewhere.
func maskBytes(arch string) uintptr {
	if strings.HasPrefix(arch, "mips") {
		return 16
	}
	return 8
}

// raise restores the default action of sig, unblocks sig in this thread, as it may have been
// blocked at the start of the process, and sends it to this thread. signal.Reset does not
// suffice: it returns SIGPIPE to the Go runtime, which ignores it.
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
