//go:build linux

package proctest

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Refuse makes a system call fail with the error's number, in all threads of this
// process and for good, by a seccomp filter. With commands, only those from the
// first to the last, in the call's second argument, are refused.
func Refuse(call, errno uint32, commands ...uint32) error {
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
		{Code: equal, K: call, Jt: 1},
		{Code: ret, K: allow},
	}
	if len(commands) == 2 {
		filter = append(filter,
			unix.SockFilter{Code: load, K: argOne},
			unix.SockFilter{Code: atLeast, K: commands[0], Jt: 1},
			unix.SockFilter{Code: ret, K: allow},
			unix.SockFilter{Code: atLeast, K: commands[1] + 1, Jf: 1},
			unix.SockFilter{Code: ret, K: allow})
	}
	filter = append(filter, unix.SockFilter{Code: ret, K: deny})
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	// This thread's word goes for the others too when the filter is synchronized.
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
