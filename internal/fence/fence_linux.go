package fence

import (
	"sync"

	"golang.org/x/sys/unix"
)

// Commands of membarrier(2), from linux/membarrier.h.
const (
	cmdGlobalExpedited         = 1 << 1
	cmdRegisterGlobalExpedited = 1 << 2
)

var register = sync.OnceValue(func() bool {
	if declined.Load() {
		return false
	}
	_, _, errno := unix.RawSyscall(unix.SYS_MEMBARRIER, cmdRegisterGlobalExpedited, 0, 0)
	return errno == 0
})

// Register makes Everywhere reach the threads of this process and reports whether it
// succeeded. It fails on kernels before 4.16, under a seccomp filter that refuses the
// call, and after Decline. Only the first call registers.
func Register() bool { return register() }

// Everywhere makes all running threads of all registered processes execute a full
// memory fence and returns after they have. It returns false if the kernel refused.
// The caller's process need not be registered.
func Everywhere() bool {
	_, _, errno := unix.RawSyscall(unix.SYS_MEMBARRIER, cmdGlobalExpedited, 0, 0)
	return errno == 0
}
