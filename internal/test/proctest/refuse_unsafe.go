//go:build linux

package proctest

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// refusable lists the system calls that a kernel may lack or a filter may refuse.
var refusable = map[string]uint32{
	"membarrier":  unix.SYS_MEMBARRIER,
	"pidfd_open":  unix.SYS_PIDFD_OPEN,
	"openat2":     unix.SYS_OPENAT2,
	"futex_waitv": unix.SYS_FUTEX_WAITV,
	"ofd":         fcntl64(),          // commands F_OFD_GETLK to F_OFD_SETLKW alone
	"naming":      unix.SYS_RENAMEAT2, // and openat with O_TMPFILE, each with its own error
}

// fcntl64 returns the number of the call that locks with 64-bit offsets, which is a
// separate call on 32-bit systems, on 386 and on arm.
func fcntl64() uint32 {
	if unsafe.Sizeof(uintptr(0)) == 4 {
		return 221
	}
	return unix.SYS_FCNTL
}

// Refuse makes a system call fail with the given error in all threads of this
// process, permanently, by a seccomp filter.
func Refuse(call string, errno uint32) error {
	const (
		load    = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		atLeast = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
		ret     = unix.BPF_RET | unix.BPF_K
		argOne  = 16 + 8 // struct seccomp_data: nr, arch, ip, args
	)
	allow, deny := uint32(unix.SECCOMP_RET_ALLOW), unix.SECCOMP_RET_ERRNO|errno
	filter := []unix.SockFilter{
		{Code: load},
		{Code: equal, K: refusable[call], Jt: 1},
		{Code: ret, K: allow},
	}
	if call == "ofd" {
		filter = append(filter,
			unix.SockFilter{Code: load, K: argOne},
			unix.SockFilter{Code: atLeast, K: unix.F_OFD_GETLK, Jt: 1},
			unix.SockFilter{Code: ret, K: allow},
			unix.SockFilter{Code: atLeast, K: unix.F_OFD_SETLKW + 1, Jf: 1},
			unix.SockFilter{Code: ret, K: allow})
	}
	if call == "naming" { // as on a file system that supports neither
		const flags = argOne + 8
		filter = []unix.SockFilter{
			{Code: load},
			{Code: equal, K: unix.SYS_RENAMEAT2, Jf: 1},
			{Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EINVAL)},
			{Code: equal, K: unix.SYS_OPENAT, Jf: 2},
			{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: flags},
			{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: unix.O_TMPFILE &^ unix.O_DIRECTORY, Jt: 1},
			{Code: ret, K: allow},
		}
	}
	filter = append(filter, unix.SockFilter{Code: ret, K: deny})
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	// This thread's no_new_privs applies to the others too when the filter is
	// synchronized.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if _, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog))); e != 0 {
		return e
	}
	return nil
}
