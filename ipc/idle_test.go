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
	// tenBeats is far above what ten ticks a second of a bare Go program cost on
	// a virtual machine (a fifth of that), and far below what a busy wait costs.
	tenBeats = 0.03
)

// cpu asks children how much processor time each has used.
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

// idleCost is the share of one processor that each child uses while nothing
// happens.
func idleCost(t testing.TB, procs []*proctest.Proc) []float64 {
	t.Helper()
	before, start := cpu(t, procs), time.Now()
	<-time.After(idleFor) // a measured time, not a wait for something
	var shares []float64
	for i, used := range cpu(t, procs) {
		shares = append(shares, float64(used-before[i])/float64(time.Since(start)))
	}
	return shares
}

func TestIdlePairCostsNothingBeyondItsHeartbeat(t *testing.T) {
	// One pair that waits for a message, one that waits for room.
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
	// The ends that spin and the runtime come to rest in the first window; a
	// later one may be disturbed, by a collection for example, but not each.
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

	for i, who := range []string{
		"receiver that waits", "its sender", "receiver that does not look", "sender that waits for room",
	} {
		t.Logf("%-28s %.3f %% of a processor; with ten heartbeats a second %.3f %%", who, 100*cost[i], 100*cost[4+i])
		require.Less(t, cost[4+i], tenBeats, "ten heartbeats a second")
	}
	require.Less(t, cost[0]+cost[1], most, "a pair whose receiver waits")
	require.Less(t, cost[2]+cost[3], most, "a pair whose sender waits")

	for _, pair := range [][]*proctest.Proc{procs[:4], procs[4:]} {
		require.Equal(t, "ok", pair[1].Ask("close"))
		pair[0].Expect("received  disconnected")
		require.Equal(t, "ok", pair[0].Ask("close"))
		require.Equal(t, "ok", pair[2].Ask("close"))
		pair[3].Expect("sent disconnected")
	}
}
