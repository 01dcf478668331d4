//go:build linux && (amd64 || arm64)

package heartbeat

import (
	"encoding/binary"
	"os"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/process"
)

// thread is a thread outside the Go runtime that walks over a list. It runs the
// assembly in thread_linux_*.s and nothing else: no Go code, no allocation, no signal
// handler but that of package busguard. All signals except SIGBUS are blocked in it.
// Accessing the words of an endpoint whose file is truncated raises SIGBUS, which
// package busguard handles on any thread. On any other fault the kernel ends the
// process, as the Go runtime would. The thread pointer refers to zeroed memory, so if
// Go's own handler ran, it would find no goroutine and report that.
//
// The Go runtime need not know the thread: stopping the world, changing credentials and
// forking concern threads that run Go code or hold the runtime's memory locks. exec and
// exit end the thread with the process.
//
// A thread must not be copied or moved: the assembly has its address.
type thread struct {
	first   *atomic.Pointer[entry] // of the list
	pass    *atomic.Uint64
	offset  int64         // offset of this process's time namespace
	changed atomic.Uint32 // the futex that the thread sleeps on
	quit    atomic.Uint32
	tid     atomic.Uint32 // cleared by the kernel when the thread has ended
	event   int32         // eventfd, written when a tick is due
	one     uint64
	time    [2]int64 // struct timespec
	name    [16]byte
	statx   [256]byte

	running bool
	file    *os.File // of event
}

const stackSize = 64 << 10

// stack is the thread's stack, and its thread pointer refers into tls. At most one
// thread exists at a time.
var (
	stack [stackSize]byte
	tls   [64]uint64
)

// clone starts a thread on the given stack that runs the loop for t. It returns the
// thread id or a negated errno.
//
//go:noescape
func clone(flags, stack uintptr, t *thread, tls uintptr, tid *atomic.Uint32) int

// start starts the thread and a goroutine that calls call at each report. It returns
// false if the thread could not be started.
func (t *thread) start(l *list, call func()) bool {
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return false // no descriptor is left
	}
	t.first, t.pass, t.offset = &l.first, &l.pass, process.ClockOffset()
	t.event, t.one = int32(event), 1
	copy(t.name[:], "shmchan-beat")
	t.quit.Store(0)
	t.time, t.statx = [2]int64{}, [256]byte{} // used by the assembly
	if !t.spawn() {
		_ = unix.Close(event)
		return false
	}
	t.running, t.file = true, os.NewFile(uintptr(event), "heartbeat")
	go listen(t.file, call)
	return true
}

func (t *thread) spawn() bool {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const size = 8
	blocked, before := ^uint64(1<<(unix.SIGBUS-1)), uint64(0)
	if _, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&blocked)), uintptr(unsafe.Pointer(&before)), size, 0, 0); errno != 0 {
		return false
	}
	const flags = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD |
		unix.CLONE_SYSVSEM | unix.CLONE_SETTLS | unix.CLONE_CHILD_CLEARTID | unix.CLONE_PARENT_SETTID
	top := uintptr(unsafe.Pointer(&stack)) + stackSize
	id := clone(flags, top&^15, t, uintptr(unsafe.Pointer(&tls[len(tls)/2])), &t.tid)
	// Restores the mask. It can't fail: the kernel returned this mask.
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&before)), 0, size, 0, 0)
	return id > 0
}

// listen calls call at each report, until the file is closed.
func listen(event *os.File, call func()) {
	var count [8]byte
	for {
		if _, err := event.Read(count[:]); err != nil {
			return
		}
		call()
	}
}

// notify makes the thread walk now. It returns false if there is no thread.
func (t *thread) notify() bool {
	if t.running {
		t.changed.Add(1)
		t.wake()
	}
	return t.running
}

// report makes listen call its function. It returns false if there is no thread.
func (t *thread) report() bool {
	if t.running {
		one := [8]byte{}
		binary.NativeEndian.PutUint64(one[:], 1)
		_, _ = t.file.Write(one[:]) // fails only if a report is already pending
	}
	return t.running
}

func (t *thread) wake() {
	const wakePrivate = 1 | 128 // FUTEX_WAKE | FUTEX_PRIVATE_FLAG
	_, _, _ = unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&t.changed)), wakePrivate, 1, 0, 0, 0)
}

// stop ends the thread and waits until it is gone. It returns false if there was no
// thread.
func (t *thread) stop() bool {
	if !t.running {
		return false
	}
	t.quit.Store(1)
	for t.notify(); t.tid.Load() != 0; {
		time.Sleep(10 * time.Microsecond)
	}
	t.running = false
	_ = t.file.Close() // ends listen
	return true
}

// fileMask is the set of fields requested from statx.
const fileMask = unix.STATX_INO | unix.STATX_MTIME

// look returns the state of the file at path, as the assembly computes it.
func look(path *byte) File {
	var st unix.Statx_t
	at := unix.AT_FDCWD
	if _, _, errno := unix.Syscall6(unix.SYS_STATX, uintptr(at), uintptr(unsafe.Pointer(path)), 0, fileMask, uintptr(unsafe.Pointer(&st)), 0); errno != 0 {
		return File{}
	}
	return File{st.Ino, *(*uint64)(unsafe.Pointer(&st.Dev_major)), uint64(st.Mtime.Sec), uint64(st.Mtime.Nsec)}
}

// The assembly relies on these offsets in struct statx and sizes of atomics.
var (
	_ [0x20]byte = [unsafe.Offsetof(unix.Statx_t{}.Ino)]byte{}
	_ [0x70]byte = [unsafe.Offsetof(unix.Statx_t{}.Mtime)]byte{}
	_ [0x88]byte = [unsafe.Offsetof(unix.Statx_t{}.Dev_major)]byte{}
	_ [8]byte    = [unsafe.Sizeof(atomic.Pointer[entry]{})]byte{}
	_ [8]byte    = [unsafe.Sizeof(atomic.Uint64{})]byte{}
	_ [4]byte    = [unsafe.Sizeof(atomic.Uint32{})]byte{}
)
