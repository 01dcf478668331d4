//go:build linux

package children

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// childInfo is the part of siginfo that waitid fills in.
type childInfo struct {
	_      [3]int32
	_      [unsafe.Sizeof(uintptr(0))/4 - 1]int32 // the union that follows is as wide as a pointer
	pid    int32
	_      uint32 // its user
	status int32
}

var (
	_ [8 + unsafe.Sizeof(uintptr(0))]byte                                  = [unsafe.Offsetof(childInfo{}.pid)]byte{}
	_ [unsafe.Sizeof(unix.Siginfo{}) - unsafe.Sizeof(childInfo{})]struct{} // not larger than siginfo
)

// wait calls waitid.
func wait(kind, id, options int) (childInfo, error) {
	for {
		var info unix.Siginfo
		err := unix.Waitid(kind, id, &info, options, nil)
		if err != unix.EINTR {
			return *(*childInfo)(unsafe.Pointer(&info)), err
		}
	}
}
