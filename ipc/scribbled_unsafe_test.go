package ipc_test

import (
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// wordOf returns 8 mapped bytes as an atomic word.
// Preconditions: off is a multiple of 8.
func wordOf(mem []byte, off int) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(unsafe.SliceData(mem[off:][:8])))
}

// cpuTime returns the processor time that this process has used.
func cpuTime() time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		panic(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
