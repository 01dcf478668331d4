package process

import (
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

const deadline = 20 * time.Second

func TestMain(m *testing.M) {
	if what := os.Getenv(helperEnv); what != "" {
		os.Exit(helper(what))
	}
	proctest.Main(m, nil)
}

func start(t *testing.T) (*exec.Cmd, Identity) {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	begun, err := startTime(cmd.Process.Pid)
	require.NoError(t, err)
	return cmd, Identity{PID: cmd.Process.Pid, NS: Self().NS, Start: begun}
}

func TestSelfIsComplete(t *testing.T) {
	id := Self()
	require.Equal(t, os.Getpid(), id.PID)
	require.NotZero(t, id.NS)
	require.NotZero(t, id.Start)
	require.NotZero(t, BootID())
}

func TestAwaitReportsAKill(t *testing.T) {
	cmd, id := start(t)
	gone := make(chan struct{})
	_, err := Await(id, func() { close(gone) })
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Kill())
	select {
	case <-gone:
	case <-time.After(deadline):
		t.Fatal("the death was not reported")
	}
}

func TestAwaitRefusesAnotherProcessOfTheSameNumber(t *testing.T) {
	_, id := start(t)
	id.Start++
	_, err := Await(id, func() { t.Error("called back") })
	require.ErrorIs(t, err, os.ErrProcessDone)
}

func TestAwaitRefusesAnotherNamespace(t *testing.T) {
	_, id := start(t)
	id.NS++
	_, err := Await(id, func() { t.Error("called back") })
	require.Error(t, err)
}

func TestCancelledWatchStaysSilent(t *testing.T) {
	cmd, id := start(t)
	other, otherID := start(t)
	w, err := Await(id, func() { t.Error("called back") })
	require.NoError(t, err)
	gone := make(chan struct{})
	_, err = Await(otherID, func() { close(gone) })
	require.NoError(t, err)
	w.Cancel()
	w.Cancel()
	require.NoError(t, cmd.Process.Kill())
	require.NoError(t, other.Process.Kill())
	select {
	case <-gone:
	case <-time.After(deadline):
		t.Fatal("the other watch was lost")
	}
}

// The kernel's report of a death may be in flight when the watch is cancelled, and the
// next watch may then get the same descriptor number.
func TestReportOfACancelledWatchIsNotTheNextOnes(t *testing.T) {
	_, keep := start(t)
	kept, err := Await(keep, func() { t.Error("callback of the kept watch") })
	require.NoError(t, err)
	defer kept.Cancel()
	dying, id := start(t)
	first, err := Await(id, func() { t.Error("callback of the cancelled watch") })
	require.NoError(t, err)
	reported := first.of.event()
	first.Cancel()
	require.NoError(t, dying.Process.Kill())

	_, other := start(t)
	second, err := Await(other, func() { t.Error("callback for a live process") })
	require.NoError(t, err)
	defer second.Cancel()
	require.Equal(t, first.of.pidfd, second.of.pidfd, "the descriptor number is reused")
	all.mu.Lock()
	epoll := all.epoll
	all.mu.Unlock()
	require.True(t, all.report(epoll, []unix.EpollEvent{reported}))
}

func TestWatchesAreKnownBeyondWhatADescriptorsNumberHolds(t *testing.T) {
	for _, id := range []uint64{1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<63 | 5} {
		require.Equal(t, id, watchedID((&watched{id: id}).event()))
	}
}

func TestOneDescriptorAProcess(t *testing.T) {
	cmd, id := start(t)
	before := descriptors(t)
	var told atomic.Int32
	var watches []*Watch
	for range 100 {
		w, err := Await(id, func() { told.Add(1) })
		require.NoError(t, err)
		watches = append(watches, w)
	}
	require.LessOrEqual(t, descriptors(t), before+2, "the process's descriptor, and that of the poller")
	watches[7].Cancel()
	require.NoError(t, cmd.Process.Kill())
	for end := time.Now().Add(deadline); told.Load() < 99 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	for _, w := range watches {
		w.Cancel()
	}
	require.EqualValues(t, 99, told.Load())
	require.Equal(t, before, descriptors(t))
}

func TestTheLastDescriptorsAreLeftToOthers(t *testing.T) {
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	defer func(cur uint64) {
		limit.Cur = cur
		require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	}(limit.Cur)
	_, id := start(t)
	f, err := os.Open("/dev/null")
	require.NoError(t, err)
	defer f.Close()
	limit.Cur = uint64(f.Fd()) + 3
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	before := descriptors(t)
	_, err = Await(id, func() {})
	require.ErrorIs(t, err, errDescriptors)
	require.Equal(t, before, descriptors(t))
}

func descriptors(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(fds)
}

func TestDescriptorsAreGivenBack(t *testing.T) {
	cmd, id := start(t)
	before := descriptors(t)
	for range 100 {
		w, err := Await(id, func() {})
		require.NoError(t, err)
		w.Cancel()
	}
	require.Equal(t, before, descriptors(t))
	_ = cmd
}

func TestOffsetsOfATimeNamespace(t *testing.T) {
	const text = "monotonic           86400         5\nboottime              -60         0\nnew         1 2\nodd\n"
	require.Equal(t, offsets{86400e9 + 5, -60e9}, parseOffsets([]byte(text)))
	require.Zero(t, parseOffsets(nil))
	require.Zero(t, parseOffsets([]byte("monotonic many 0\n")))
}
