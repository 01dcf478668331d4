package ipc_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

const (
	idleFor  = 2 * time.Second
	idlePair = 0.001 // of a processor
	// tenBeats is five times what ten ticks a second cost a bare Go program on a
	// virtual machine, and far below the cost of a busy wait.
	tenBeats = 0.03
)

// cpu returns the processor time that each child has used.
func cpu(t testing.TB, procs []*proctest.Proc) []time.Duration {
	t.Helper()
	var used []time.Duration
	for _, p := range procs {
		us, err := strconv.Atoi(p.Ask("cpu"))
		require.NoError(t, err)
		used = append(used, time.Duration(us)*time.Microsecond)
	}
	return used
}

// idleCost returns the share of one processor that each child uses while idle.
func idleCost(t testing.TB, procs []*proctest.Proc) []float64 {
	t.Helper()
	before, start := cpu(t, procs), time.Now()
	<-time.After(idleFor) // the measured interval, not a wait for a state
	var shares []float64
	for i, used := range cpu(t, procs) {
		shares = append(shares, float64(used-before[i])/float64(time.Since(start)))
	}
	return shares
}

func TestIdlePairCostsNothingBeyondItsHeartbeat(t *testing.T) {
	// In one pair the receiver waits for a message; in the other the sender waits
	// for room.
	var procs []*proctest.Proc
	for _, beats := range []time.Duration{slow, 0} {
		empty, full := in(t), in(t)
		empty.Heartbeat, full.Heartbeat, full.Capacity = beats, beats, 4096
		procs = append(procs, startReceiver(t, empty), startSender(t, empty), startReceiver(t, full), startSender(t, full))
	}
	for _, pair := range [][]*proctest.Proc{procs[:4], procs[4:]} {
		require.Equal(t, "blocking", pair[0].Ask("block-recv"))
		pair[3].Ask("fill 0123456789")
		require.Equal(t, "blocking", pair[3].Ask("block-send 0123456789"))
	}
	// The first window lets the spinning endpoints and the runtime settle. A later
	// window may be disturbed, by a garbage collection for example, but not all are.
	idleCost(t, procs)
	most := idlePair
	if raceEnabled { // each wake costs several times as much
		most *= 3
	}
	var cost []float64
	for tries := 0; tries < 8; tries++ {
		cost = idleCost(t, procs)
		if cost[0]+cost[1] < most && cost[2]+cost[3] < most {
			break
		}
	}

	for i, endpoint := range []string{
		"blocked receiver", "its sender", "receiver that never polls", "sender waiting for room",
	} {
		t.Logf("%-28s %.3f %% of a processor; with ten heartbeats a second %.3f %%", endpoint, 100*cost[i], 100*cost[4+i])
		require.Less(t, cost[4+i], tenBeats, "ten heartbeats a second")
	}
	require.Less(t, cost[0]+cost[1], most, "pair whose receiver is blocked")
	require.Less(t, cost[2]+cost[3], most, "pair whose sender is blocked")

	for _, pair := range [][]*proctest.Proc{procs[:4], procs[4:]} {
		require.Equal(t, "ok", pair[1].Ask("close"))
		pair[0].Expect("received  disconnected")
		require.Equal(t, "ok", pair[0].Ask("close"))
		require.Equal(t, "ok", pair[2].Ask("close"))
		pair[3].Expect("sent disconnected")
	}
}
