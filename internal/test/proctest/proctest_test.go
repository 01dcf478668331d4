package proctest_test

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

func TestMain(m *testing.M) {
	proctest.Main(m, map[string]proctest.Role{
		"signals": signalsRole,
		"status":  statusRole,
		"echo": func(args []string) int {
			proctest.Say("ready %d", os.Getpid())
			for line, ok := proctest.Hear(); ok; line, ok = proctest.Hear() {
				if line == "exit" {
					return len(args)
				}
				proctest.Say("%s", line)
			}
			return 0
		},
	})
}

func TestRoleRunsInItsOwnProcess(t *testing.T) {
	p := proctest.Start(t, "echo")
	p.Expect("ready " + strconv.Itoa(p.Pid()))
	require.NotEqual(t, os.Getpid(), p.Pid())
	require.Equal(t, "hello", p.Ask("hello"))
}

func TestWaitReturnsTheExitStatus(t *testing.T) {
	p := proctest.Start(t, "echo", "a", "b", "c")
	p.Line()
	p.Tell("exit")
	require.Equal(t, 3, p.Wait())
}

func TestKillEndsAChildThatIsStopped(t *testing.T) {
	p := proctest.Start(t, "echo")
	p.Line()
	p.Stop()
	p.Kill()
	require.ErrorIs(t, syscall.Kill(p.Pid(), 0), syscall.ESRCH)
}

func TestContLetsAStoppedChildGoOn(t *testing.T) {
	p := proctest.Start(t, "echo")
	p.Line()
	p.Stop()
	p.Tell("still there")
	p.Cont()
	p.Expect("still there")
}

func TestNamespaceMakesTheChildProcessOne(t *testing.T) {
	p := proctest.StartNS(t, "echo")
	p.Expect("ready 1")
}

func TestParkedSeesAGoroutineThatWaits(t *testing.T) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	mu.Lock()
	wg.Go(func() { waitHere(&mu) })
	proctest.Parked(t, "waitHere", 1)
	mu.Unlock()
	wg.Wait()
}

func waitHere(mu *sync.Mutex) {
	mu.Lock()
	defer mu.Unlock()
}

func TestSnapshotFindsALeakedDescriptorAndMapping(t *testing.T) {
	before := proctest.Snapshot()
	require.Empty(t, before.Leaks())

	f, err := os.Create(filepath.Join(proctest.Dir(t), "leak"))
	require.NoError(t, err)
	require.NoError(t, f.Truncate(4096))
	mem, err := syscall.Mmap(int(f.Fd()), 0, 4096, syscall.PROT_READ, syscall.MAP_SHARED)
	require.NoError(t, err)
	require.Len(t, before.Leaks(), 2, "the descriptor and the mapping")

	require.NoError(t, syscall.Munmap(mem))
	require.NoError(t, f.Close())
	require.NoError(t, os.Remove(f.Name()))
	require.Empty(t, before.Leaks())
}
