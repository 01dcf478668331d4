//go:build linux

package futex

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Operations of futex(2) and flags of futex_waitv(2), from linux/futex.h.
const (
	opWait     = 0
	opWake     = 1
	sizeU32    = 2
	maxVector  = 128 // FUTEX_WAITV_MAX
	clockMono  = unix.CLOCK_MONOTONIC
	waitvError = -1
)

func wait(w *atomic.Uint32, v uint32, d time.Duration, long bool) error {
	ts := unix.NsecToTimespec(int64(d))
	_, errno := sleep(long, unix.SYS_FUTEX, unsafe.Pointer(w), opWait, uintptr(v), unsafe.Pointer(&ts), 0)
	switch errno {
	case 0, unix.EAGAIN, unix.EINTR, unix.ETIMEDOUT:
		return nil
	}
	return fmt.Errorf("futex wait: %w", errno)
}

func wake(w *atomic.Uint32, n int) int {
	woken, _, errno := unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(w)), opWake, uintptr(n), 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(woken)
}

// vector is struct futex_waitv.
type vector struct {
	val, addr uint64
	flags     uint32
	_         uint32
}

// kernelTimespec is struct __kernel_timespec, which futex_waitv takes on every
// architecture. The fields of unix.Timespec, which older calls take, have 32 bits on
// 32-bit architectures, where the kernel would read the nanoseconds as a part of the
// seconds.
type kernelTimespec struct{ sec, nsec int64 }

var (
	_ [24]byte = [unsafe.Sizeof(vector{})]byte{}
	_ [16]byte = [unsafe.Sizeof(kernelTimespec{})]byte{}
)

func toKernelTimespec(ns int64) kernelTimespec {
	return kernelTimespec{ns / int64(time.Second), ns % int64(time.Second)}
}

// waitAny sleeps until one of the words is woken or differs from its value, or until
// the deadline on the monotonic clock (nanoseconds). It returns the index of a word
// that was woken, or -1.
func waitAny(words []Word, deadline int64, long bool) (int, error) {
	var vec [maxVector]vector
	for i, w := range words {
		vec[i] = vector{val: uint64(w.Is), addr: uint64(uintptr(unsafe.Pointer(w.At))), flags: sizeU32}
	}
	ts := toKernelTimespec(deadline)
	i, errno := sleep(long, unix.SYS_FUTEX_WAITV, unsafe.Pointer(&vec), uintptr(len(words)), 0, unsafe.Pointer(&ts), clockMono)
	switch errno {
	case 0:
		return int(i), nil
	case unix.EAGAIN, unix.EINTR, unix.ETIMEDOUT:
		return waitvError, nil
	case unix.ENOSYS, unix.EPERM:
		return waitvError, fmt.Errorf("futex_waitv: %w", errors.ErrUnsupported)
	}
	return waitvError, fmt.Errorf("futex_waitv: %w", errno)
}

func monotonic() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // can't fail: the clock exists and &ts is ours
	return ts.Nano()
}
