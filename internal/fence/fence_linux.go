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

// Register makes this process one whose threads Everywhere reaches, once, and
// says whether that worked: not on kernels before 4.16, nor under a seccomp
// filter that refuses it, nor after Decline.
func Register() bool { return register() }

// Everywhere makes all running threads of all registered processes execute a
// full memory fence, and returns when they have. It reports false if the kernel
// refused. The caller's process need not be registered.
func Everywhere() bool {
	_, _, errno := unix.RawSyscall(unix.SYS_MEMBARRIER, cmdGlobalExpedited, 0, 0)
	return errno == 0
}
