package proctest_test

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

const signalsTest = "^TestChildFindsEverySignalAtItsDefault$"

// signals lists the signals that programs are known to ignore or block when they
// start others.
var signals = []os.Signal{
	syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGPIPE, syscall.SIGCHLD,
	syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGUSR1, syscall.SIGALRM,
}

// signalsRole executes this test binary with signals ignored or blocked, as a
// parent of `go test` may have left them, and with standard input closed.
func signalsRole(args []string) int {
	runtime.LockOSThread()
	switch args[0] {
	case "ignored":
		signal.Ignore(signals...)
	case "blocked":
		var set unix.Sigset_t
		for _, sig := range signals {
			n := uint(sig.(syscall.Signal)) - 1
			set.Val[n/64] |= 1 << (n % 64)
		}
		if err := unix.PthreadSigmask(unix.SIG_SETMASK, &set, nil); err != nil {
			panic(err)
		}
	}
	_ = os.Stdin.Close()
	_ = os.Unsetenv("SHMCHAN_TEST_ROLE")
	panic(syscall.Exec("/proc/self/exe", []string{os.Args[0], "-test.run", signalsTest}, os.Environ()))
}

func TestChildFindsEverySignalAtItsDefault(t *testing.T) {
	p := proctest.Start(t, "status")
	require.Equal(t, "ignored 0, blocked 0", p.Line())
	require.Zero(t, p.Wait())
}

func TestChildFindsEverySignalAtItsDefaultHoweverTheTestsWereStarted(t *testing.T) {
	for _, how := range []string{"ignored", "blocked"} {
		t.Run(how, func(t *testing.T) {
			p := proctest.Start(t, "signals", how)
			p.Expect("PASS")
			require.Zero(t, p.Wait())
		})
	}
}

// statusRole prints the signals that it found ignored and blocked.
func statusRole([]string) int {
	// The C library reserves signals 32 to 34. It starts processes with them ignored
	// (posix_spawn), and the Go runtime lets no program change that.
	const reserved = 1<<31 | 1<<32 | 1<<33
	proctest.Say("ignored %x, blocked %x", proctest.SignalSet("SigIgn")&^reserved, proctest.SignalSet("SigBlk")&^reserved)
	return 0
}
