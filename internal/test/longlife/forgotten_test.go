package longlife

import (
	"context"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// Close with an open claim keeps the mapping for the holder of the claim, and nothing
// else.
func TestForgottenClaimsKeepNoDescriptors(t *testing.T) {
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	low := limit
	low.Cur = 128
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low))
	defer func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)) }()

	o := &ipc.Options{Dir: proctest.Dir(t), KeepOpen: true, Capacity: 4096, MaxSenders: 4}
	r := newReceiver(t, o)
	stay := newSender(t, o)
	for i := range 300 {
		s, err := stay.Clone()
		require.NoError(t, err, "at %d", i)
		_, err = s.Claim(context.Background(), 8)
		require.NoError(t, err)
		require.NoError(t, s.Close())
		_, err = r.TryRecv()
		require.ErrorIs(t, err, ipc.ErrEmpty)
	}
	require.NoError(t, stay.Close())
	require.NoError(t, r.Close())
	proctest.Eventually(t, "the forgotten claims are collected and the mapping is gone", func() bool {
		runtime.GC()
		maps, err := os.ReadFile("/proc/self/maps")
		require.NoError(t, err)
		return !strings.Contains(string(maps), o.Dir)
	})
}
