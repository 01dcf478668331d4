//go:build linux && !race

package shm

import (
	"runtime"
	"runtime/debug"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

// From linux/userfaultfd.h.
const (
	uffdAPI      = 0xaa
	uffdioAPI    = 0xc018aa3f
	uffdioReg    = 0xc020aa00
	uffdioCopy   = 0xc028aa03
	uffdMissing  = 1
	uffdUserOnly = 1
)

// paused runs fn and holds it where it first touches the page. Then it runs
// meanwhile, which must not touch the page itself: the page's words are in content
// then. Afterwards fn continues to its end, with that content.
func (g *glass) paused(page int, fn func(), meanwhile func(content []byte)) {
	t := g.t
	t.Helper()
	fd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|unix.O_NONBLOCK|uffdUserOnly, 0, 0)
	if errno != 0 {
		t.Skipf("no page faults can be handled here: %v", errno)
	}
	defer unix.Close(int(fd))
	control := func(request uintptr, argument *[5]uint64) {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(argument)))
		require.Zero(t, errno)
	}
	control(uffdioAPI, &[5]uint64{uffdAPI})

	mem := g.mem[uintptr(page)*g.page:][:g.page]
	start := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(mem))))
	content := append([]byte(nil), mem...)
	require.NoError(t, unix.Madvise(mem, unix.MADV_DONTNEED))
	control(uffdioReg, &[5]uint64{start, uint64(g.page), uffdMissing})

	// A thread in a page fault keeps its processor, and can't be stopped for the
	// garbage collector.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU() + 2))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	touched := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for n := -1; n < 0; {
		var err error
		if n, err = unix.Poll(touched, int(proctest.Patience.Milliseconds())); err != unix.EINTR {
			require.NoError(t, err)
			require.Equal(t, 1, n, "the page was not touched")
		}
	}
	require.EqualValues(t, unix.POLLIN, touched[0].Revents)
	meanwhile(content)
	from := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(content))))
	control(uffdioCopy, &[5]uint64{start, from, uint64(g.page)})
	<-done
}
