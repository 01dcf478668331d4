//go:build linux && !race

package shm

import (
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// glass is a ring whose pages a test can forbid. An endpoint that touches a
// forbidden page stops there, as if it had been killed, so a test can examine what
// it did before, and in which order it touches pages. (The race detector touches
// memory by itself, so these tests don't run under it.)
type glass struct {
	*Ring
	t    *testing.T
	mem  []byte
	page uintptr
}

// The pages of a glass ring.
const (
	controlLow  = iota // the control words below the cut
	controlHigh        // the others
	slotsLow           // the receiver's slot, and slot 0's words below the cut
	slotsHigh          // the others
	ringPages          // the ring's first page
	glassPages  = ringPages + 4
)

// newGlass lays out a ring with page borders before the control word at controlCut
// and before slot 0's word at slotCut. It begins at position start, whose offset in
// the ring should be less than four pages.
func newGlass(t *testing.T, controlCut, slotCut uintptr, start uint64) *glass {
	t.Helper()
	page := uintptr(os.Getpagesize())
	mem, err := unix.Mmap(-1, 0, glassPages*int(page), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Munmap(mem)) })
	base := unsafe.Pointer(unsafe.SliceData(mem))
	ctl := (*control)(unsafe.Add(base, controlHigh*page-controlCut))
	slots := (*slot)(unsafe.Add(base, slotsHigh*page-slotSize-slotCut))
	r := newRing(mem[ringPages*page:], ctl, unsafe.Slice(slots, 1+senders), 0x5555555555555550)
	r.offset = -1
	restart(r, start)
	return &glass{Ring: r, t: t, mem: mem, page: page}
}

// permit sets the protection of a page.
func (g *glass) permit(page, prot int) {
	g.t.Helper()
	from := uintptr(page) * g.page
	require.NoError(g.t, unix.Mprotect(g.mem[from:from+g.page], prot))
}

// stopped runs fn and returns the page whose touch stopped it, or -1. Afterwards no
// page is forbidden.
func (g *glass) stopped(fn func()) (page int) {
	g.t.Helper()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault, ok := recover().(interface{ Addr() uintptr }); ok {
			page = int((fault.Addr() - uintptr(unsafe.Pointer(unsafe.SliceData(g.mem)))) / g.page)
		}
		for i := range glassPages {
			g.permit(i, unix.PROT_READ|unix.PROT_WRITE)
		}
	}()
	fn()
	return -1
}

// killedStoring runs fn and stops it before it stores anything to the page.
func (g *glass) killedStoring(page int, fn func()) {
	g.t.Helper()
	g.permit(page, unix.PROT_READ)
	require.Equal(g.t, page, g.stopped(fn), "nothing was stored on the page")
}

// order returns the pages in the order in which fn first touches them. It runs fn
// once more for each, so fn must change nothing before it has touched all of them.
func (g *glass) order(fn func(), pages ...int) (order []int) {
	g.t.Helper()
	left := map[int]bool{}
	for _, page := range pages {
		left[page] = true
	}
	for {
		for page := range left {
			g.permit(page, unix.PROT_NONE)
		}
		page := g.stopped(fn)
		if page < 0 {
			return order
		}
		order = append(order, page)
		delete(left, page)
	}
}

// amd64Only skips tests that other processors can't run: there words must be aligned
// wherever the border is, and a nil check touches a struct's first word.
func amd64Only(t *testing.T) {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("not on", runtime.GOARCH)
	}
}

// Cuts before words.
const (
	beforeHead   = unsafe.Offsetof(control{}.head)
	beforeCursor = unsafe.Offsetof(control{}.cursor)
	beforeBeat   = unsafe.Offsetof(slot{}.beat)
	beforeState  = unsafe.Offsetof(slot{}.state)
)
