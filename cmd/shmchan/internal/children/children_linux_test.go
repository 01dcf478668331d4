package children

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m, map[string]proctest.Role{"init": initRole}) }

// initRole starts many commands at a time. Each leaves orphans that end at about the same
// time as the command. initRole prints how many commands kept their status and then, for
// each line that it reads, whether it has a child left.
func initRole(args []string) int {
	Adopt()
	jobs, _ := strconv.Atoi(args[0])
	each, _ := strconv.Atoi(args[1])
	var mu sync.Mutex
	kept := 0
	var all sync.WaitGroup
	for range jobs {
		all.Go(func() {
			for range each {
				cmd := exec.Command("sh", "-c", "(true &) ; (true &) ; (sleep 0.01 &) ; exit 3")
				if Start(cmd) != nil {
					return
				}
				_ = Wait(cmd)
				mu.Lock()
				if cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == 3 {
					kept++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	proctest.Say("%d", kept)
	for {
		if _, more := proctest.Hear(); !more {
			return 0
		}
		_, err := wait(unix.P_ALL, 0, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT)
		proctest.Say("%v", err == unix.ECHILD)
	}
}

func TestOrphansAreReapedAndStatusesKept(t *testing.T) {
	p := proctest.StartNS(t, "init", "4", "10")
	p.Expect("40")
	proctest.Eventually(t, "no child is left", func() bool { return p.Ask("children?") == "true" })
}

func TestStoppedTellsOnceAndNeverReaps(t *testing.T) {
	cmd := exec.Command("sh", "-c", "kill -TSTP $$; exit 3")
	// In its own group, with its parent outside: the kernel does not stop an orphaned
	// group, such as that of a test that nohup started.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, Start(cmd))
	pid := cmd.Process.Pid
	var sig syscall.Signal
	proctest.Eventually(t, "it has stopped", func() bool { sig = Stopped(pid); return sig != 0 })
	require.Equal(t, syscall.SIGTSTP, sig)
	require.Zero(t, Stopped(pid))
	require.NoError(t, cmd.Process.Signal(syscall.SIGCONT))
	proctest.Eventually(t, "it has ended", func() bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return err == nil && strings.Contains(string(stat), ") Z ")
	})
	require.Zero(t, Stopped(pid))
	_ = Wait(cmd) // the state says all
	require.Equal(t, 3, cmd.ProcessState.ExitCode())
	require.Zero(t, Stopped(pid))
	require.Empty(t, own)
}

func TestStartFails(t *testing.T) {
	require.Error(t, Start(exec.Command("/no/such/command")))
	require.Empty(t, own)
}

func TestTreeIsAProcessAndItsDescendants(t *testing.T) {
	cmd := exec.Command("sh", "-c", "sh -c 'sleep 1000 & wait' & sleep 1000 & wait")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, Start(cmd))
	pid := cmd.Process.Pid
	t.Cleanup(func() {
		require.NoError(t, syscall.Kill(-pid, syscall.SIGKILL))
		_ = Wait(cmd) // it was killed
	})
	proctest.Eventually(t, "it has three descendants", func() bool { return len(Tree(pid)) == 4 })
	tree := Tree(pid)
	require.Equal(t, pid, tree[0])
	for _, p := range tree {
		group, err := syscall.Getpgid(p)
		require.NoError(t, err)
		require.Equal(t, pid, group)
	}
}
