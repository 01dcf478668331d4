package ipc_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// manyThreads is far below one thread per blocked endpoint, and far above the number
// that the Go runtime itself may start meanwhile.
const manyThreads = 100

func threads(t testing.TB) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	return len(tasks)
}

func TestAThousandBlockedReceiversAreNotAThousandThreads(t *testing.T) {
	const n = 1000
	o := in(t)
	o.Capacity, o.MaxSenders, o.Heartbeat, o.Spin = 4096, 1, slow, -1
	before := threads(t)
	ctx, cancel := context.WithCancel(background(t))
	defer cancel()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		r, err := ipc.NewReceiver(ctx, fmt.Sprint(i), o)
		require.NoError(t, err)
		defer r.Close()
		wg.Go(func() {
			for errs[i] == nil {
				_, errs[i] = r.Recv(ctx)
			}
		})
	}
	proctest.Parked(t, "(*Receiver).Recv", n)
	require.Less(t, threads(t)-before, manyThreads)

	// Blocked receivers still receive messages.
	for i := 0; i < n; i += 50 {
		s, err := ipc.NewSender(ctx, fmt.Sprint(i), o)
		require.NoError(t, err)
		require.NoError(t, s.Send(ctx, []byte("x")))
		require.NoError(t, s.Flush(ctx))
		require.NoError(t, s.Close())
	}
	cancel()
	wg.Wait()
	for i, err := range errs {
		if i%50 == 0 {
			require.ErrorIs(t, err, ipc.ErrDisconnected)
		} else {
			require.ErrorIs(t, err, context.Canceled)
		}
	}
}

func TestManyEndpointsShareOneTickingGoroutine(t *testing.T) {
	o := in(t)
	_, r := newPair(t, o)
	before := runtime.NumGoroutine()
	for range 100 {
		newSender(t, o)
	}
	require.Less(t, runtime.NumGoroutine()-before, 5)
	require.Len(t, r.Stats().Senders, 101)
}

func TestManyBlockedSendersAreNotAsManyThreads(t *testing.T) {
	const n = 300
	o := in(t)
	o.Capacity, o.MaxSenders, o.Heartbeat, o.Spin = 4096, 1, slow, -1
	before := threads(t)
	ctx, cancel := context.WithCancel(background(t))
	defer cancel()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		r, err := ipc.NewReceiver(ctx, fmt.Sprint(i), o)
		require.NoError(t, err)
		defer r.Close()
		s, err := ipc.NewSender(ctx, fmt.Sprint(i), o)
		require.NoError(t, err)
		defer s.Close()
		wg.Go(func() {
			for errs[i] == nil {
				errs[i] = s.Send(ctx, make([]byte, 1000))
			}
		})
	}
	proctest.Parked(t, "(*Sender).Send", n)
	require.Less(t, threads(t)-before, manyThreads)
	cancel()
	wg.Wait()
	for _, err := range errs {
		require.ErrorIs(t, err, context.Canceled)
	}
}
