package measure

import (
	"math"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

func TestWakesOfAProcessAreCounted(t *testing.T) {
	before := WakesOf("self", true)
	for range 20 {
		time.Sleep(time.Millisecond)
	}
	require.Greater(t, WakesOf("self", true), before)
	require.Zero(t, WakesOf(strconv.Itoa(math.MaxInt32), true), "no process has that number")
}

func TestProcessorTimeOfAnotherProcess(t *testing.T) {
	cmd := exec.Command("sh", "-c", "while :; do :; done")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait() // it ends by the signal
	})
	require.Eventually(t, func() bool {
		used, err := processorTimeOf(cmd.Process.Pid)
		require.NoError(t, err)
		return used > 10*time.Millisecond
	}, worker.Patience, time.Millisecond)
	_, err := processorTimeOf(os.Getpid())
	require.NoError(t, err)
}
