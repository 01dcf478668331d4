package soak

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

const (
	processesEnv = "SHMCHAN_SOAK_PROCESSES"
	crowdSeconds = "SHMCHAN_SOAK_CROWD_SECONDS"
	crowdEnds    = 8 // Senders of each process, each in a goroutine
)

// Many processes, each with many goroutines and a Sender for each, send to a slow
// receiver, so that nearly all senders wait for room.
func TestCrowd(t *testing.T) {
	normal, seconds := 4, 6
	if testing.Short() || raceEnabled {
		normal, seconds = 2, 3
	}
	processes := number(t, processesEnv, normal)
	lasts := time.Duration(number(t, crowdSeconds, seconds)) * time.Second
	seed := uint64(number(t, seedEnv, int(time.Now().UnixNano()>>10)))
	rng := rand.New(rand.NewPCG(seed, 1))
	var total tally
	for i := 0; total.Took < lasts; i++ {
		dir := t.TempDir()
		d := &driver{
			senders: processes,
			pace:    time.Second + time.Duration(processes)*250*time.Millisecond,
			orders: orders{
				Seed: rng.Uint64(), Ledgers: dir, Ends: crowdEnds, Slow: 2 * time.Millisecond,
				Options: ipc.Options{
					Dir:        proctest.Dir(t),
					Capacity:   4096 << rng.IntN(7),
					MaxSenders: 2 * processes * crowdEnds,
					Durable:    i%2 == 0,
					KeepOpen:   true,
					Heartbeat:  100 * time.Millisecond,
				},
			},
		}
		one, faults := d.round(min(lasts/2, 5*longRound))
		for _, f := range faults {
			t.Errorf("round %d: %s", i, f)
		}
		total.add(one)
		if t.Failed() {
			keep(t, dir)
			break
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d processes × %d, seed %d\n%s", processes, crowdEnds, seed, total.String())
	if total.Received == 0 || total.Waited < 1 {
		t.Error("no send waited")
	}
}
