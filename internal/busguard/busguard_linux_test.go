//go:build amd64 || arm64

package busguard

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/edsrzf/mmap-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

const patience = 20 * time.Second

// instead is the role of a copy of the test binary.
var instead func()

func TestMain(m *testing.M) {
	if instead != nil {
		instead()
	}
	proctest.Main(m, nil)
}

func mapped(t *testing.T, pages int) (*os.File, mmap.MMap) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	require.NoError(t, f.Truncate(int64(pages*os.Getpagesize())))
	mem, err := mmap.Map(f, mmap.RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = mem.Unmap() })
	return f, mem
}

func TestTruncatedFileReadsAsZeroes(t *testing.T) {
	f, mem := mapped(t, 4)
	g := Add(mem)
	defer g.Remove()
	mem[0], mem[len(mem)-1] = 1, 1
	require.False(t, g.Broken())

	require.NoError(t, f.Truncate(0))
	require.Zero(t, mem[len(mem)-1])
	require.True(t, g.Broken())
	require.Zero(t, mem[0], "the whole range was replaced")
	mem[5] = 7
	require.EqualValues(t, 7, mem[5], "the range is ordinary memory")
}

func TestWritesAndCopiesGoOnToo(t *testing.T) {
	f, mem := mapped(t, 64)
	g := Add(mem)
	defer g.Remove()
	require.NoError(t, f.Truncate(int64(len(mem)/2)))
	src := make([]byte, len(mem))
	for i := range src {
		src[i] = 0xff
	}
	require.Equal(t, len(src), copy(mem, src))
	require.True(t, g.Broken())
}

func TestGrownFileIsNoFault(t *testing.T) {
	f, mem := mapped(t, 2)
	g := Add(mem)
	defer g.Remove()
	require.NoError(t, f.Truncate(int64(8*len(mem))))
	mem[len(mem)-1] = 9
	require.False(t, g.Broken())
}

func TestRangesAreApart(t *testing.T) {
	f1, mem1 := mapped(t, 2)
	_, mem2 := mapped(t, 2)
	g1, g2 := Add(mem1), Add(mem2)
	defer g1.Remove()
	defer g2.Remove()
	mem2[0] = 3
	require.NoError(t, f1.Truncate(0))
	require.Zero(t, mem1[0])
	require.True(t, g1.Broken())
	require.False(t, g2.Broken())
	require.EqualValues(t, 3, mem2[0])
}

func TestEntriesAreUsedAgain(t *testing.T) {
	_, mem := mapped(t, 1)
	before := table.used
	for range 2 * maxGuards {
		Add(mem).Remove()
	}
	require.LessOrEqual(t, table.used, before+1)
}

func TestMoreRangesThanThereIsRoomForAreNotGuarded(t *testing.T) {
	_, mem := mapped(t, 1)
	var all []Guard
	for range maxGuards + 1 {
		all = append(all, Add(mem))
	}
	last := all[len(all)-1]
	require.False(t, last.Broken())
	require.Same(t, &unguarded, last.e)
	for _, g := range all {
		g.Remove()
	}
}

// The handler also reaches the last entry.
func TestLastRangeOfAFullTableIsGuarded(t *testing.T) {
	_, filler := mapped(t, 1)
	end := &entries[maxGuards-1]
	for range maxGuards {
		if g := Add(filler); g.e != end {
			defer g.Remove()
		} else {
			g.Remove()
			break
		}
	}
	f, mem := mapped(t, 1)
	last := Add(mem)
	defer last.Remove()
	require.Same(t, end, last.e)
	require.NoError(t, f.Truncate(0))
	mem[0] = 1
	require.True(t, last.Broken())
}

// After Remove has returned the memory may be unmapped, and its addresses reused by
// another mapping.
func TestRemoveWaitsForTheHandlersThatReplaceTheRange(t *testing.T) {
	_, mem := mapped(t, 1)
	g := Add(mem)
	const atWork = 2
	g.e.state.Add(atWork) // H3
	removed := make(chan struct{})
	go func() { g.Remove(); close(removed) }()
	require.Eventually(t, func() bool { return g.e.state.Load()&active == 0 }, patience, time.Millisecond)
	for range atWork {
		select {
		case <-removed:
			require.Fail(t, "Remove returned while a handler was at work")
		case <-time.After(time.Millisecond):
		}
		g.e.state.Add(^uint64(0)) // H5
	}
	select {
	case <-removed:
	case <-time.After(patience):
		require.Fail(t, "Remove did not return though no handler is at work")
	}
	again := Add(mem)
	require.Same(t, g.e, again.e)
	again.Remove()
}

// A state never recurs, so a handler that was suspended since H1 fails at H3.
func TestEveryRangeOfAnEntryHasAStateOfItsOwn(t *testing.T) {
	_, mem := mapped(t, 1)
	seen := map[uint64]bool{}
	for range 1000 {
		g := Add(mem)
		state := g.e.state.Load()
		require.False(t, seen[state])
		require.NotZero(t, state&active)
		require.Zero(t, state&handlers)
		seen[state] = true
		g.Remove()
	}
}

// A removed range is no longer guarded, although its entry still has the bounds.
func TestOtherFaultsInARangeThatWasRemovedAreTheRuntimes(t *testing.T) {
	if os.Getenv("BUSGUARD_FAULT") != "" {
		faultIn(func(mem []byte) { Add(mem).Remove() })
	}
	requireDies(t)
}

// A fault elsewhere still ends the program as it does without the guard.
func TestOtherFaultsAreTheRuntimes(t *testing.T) {
	if os.Getenv("BUSGUARD_FAULT") != "" {
		other, err := mmap.MapRegion(nil, os.Getpagesize(), mmap.COPY, mmap.ANON, 0)
		if err != nil {
			panic(err)
		}
		faultIn(func([]byte) { Add(other) })
	}
	requireDies(t)
}

// requireDies runs the test again, in a process that must die of its fault.
func requireDies(t *testing.T) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "BUSGUARD_FAULT=1")
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "unexpected fault address")
	require.Contains(t, string(out), "SIGBUS")
}

// faultIn touches memory past the end of its file. The process dies, so faultIn leaves
// nothing that a test would have to clean up.
func faultIn(prepare func(mem []byte)) {
	fd, err := unix.MemfdCreate("fault", 0)
	if err != nil {
		panic(err)
	}
	f := os.NewFile(uintptr(fd), "fault")
	if err := f.Truncate(1); err != nil {
		panic(err)
	}
	mem, err := mmap.Map(f, mmap.RDWR, 0)
	if err != nil {
		panic(err)
	}
	prepare(mem)
	_ = f.Truncate(0)
	mem[0]++
}

func BenchmarkBroken(b *testing.B) {
	mem, err := mmap.MapRegion(nil, os.Getpagesize(), mmap.COPY, mmap.ANON, 0)
	require.NoError(b, err)
	defer mem.Unmap()
	g := Add(mem)
	defer g.Remove()
	for b.Loop() {
		if g.Broken() {
			b.Fatal("broken")
		}
	}
}
