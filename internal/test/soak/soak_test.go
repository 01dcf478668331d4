package soak

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// The settings of `make soak`; everything else is derived from the seed.
const (
	secondsEnv = "SHMCHAN_SOAK_SECONDS"
	killsEnv   = "SHMCHAN_SOAK_KILLS"
	seedEnv    = "SHMCHAN_SOAK_SEED"

	longRound = 8 * time.Second
	tooLong   = 10 * time.Second // for a stall of a receiver while no process is stopped
)

// length is how long the soak lasts: until both limits are reached.
func length(t *testing.T) (lasts time.Duration, kills uint64) {
	kills = uint64(number(t, killsEnv, 0))
	normal := 18
	switch {
	case kills > 0:
		normal = 1
	case testing.Short():
		normal = 4
	case raceEnabled:
		normal = 8
	}
	return time.Duration(number(t, secondsEnv, normal)) * time.Second, kills
}

func number(t *testing.T, env string, normal int) int {
	text := os.Getenv(env)
	if text == "" {
		return normal
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", env, err)
	}
	return n
}

func TestSoak(t *testing.T) {
	lasts, kills := length(t)
	seed := uint64(number(t, seedEnv, int(time.Now().UnixNano()>>10)))
	t.Logf("seed %d (again: make soak SEED=%d)", seed, seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var total tally
	round := longRound
	if kills == 0 {
		round = min(round, max(lasts/4, time.Second))
	}
	slow := 0 // how often the pace was halved, so that processes live long enough to do something
	for i := 0; total.Took < lasts || total.Kills < kills || total.Received == 0 && slow < 8; i++ {
		dir := t.TempDir()
		d := draw(t, rng, i, dir)
		d.pace <<= slow
		tally, faults := d.round(round << slow)
		for _, f := range faults {
			t.Errorf("round %d: %s", i, f)
		}
		if tally.Stall > int64(tooLong) {
			t.Errorf("round %d: a receiver stalled for %v", i, time.Duration(tally.Stall))
		}
		total.add(tally)
		if tally.Received == 0 {
			slow++
		}
		if t.Failed() {
			keep(t, dir)
			break
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if i%4 == 3 && round == longRound {
			t.Logf("after %v: %d kills, %d messages", total.Took.Round(time.Second), total.Kills, total.Received)
		}
	}
	t.Logf("seed %d\n%s", seed, total.String())
	if total.Kills == 0 || total.Received == 0 {
		t.Error("nothing happened")
	}
}

// draw returns the driver of round i: durable and default channels alternate.
func draw(t *testing.T, rng *rand.Rand, i int, ledgers string) *driver {
	return &driver{
		senders: 2 + rng.IntN(4),
		pace:    time.Duration(20+rng.IntN(100)) * time.Millisecond,
		orders: orders{
			Seed: rng.Uint64(), Ledgers: ledgers,
			Options: ipc.Options{
				Dir:        proctest.Dir(t),
				Capacity:   4096 << rng.IntN(7),
				MaxSenders: 6 + rng.IntN(20),
				Durable:    i%2 == 0,
				KeepOpen:   rng.IntN(2) == 0,
				Heartbeat:  []time.Duration{10, 30, 100}[rng.IntN(3)] * time.Millisecond,
				Spin:       []time.Duration{-1, 0, 0, 20 * time.Microsecond}[rng.IntN(4)],
			},
		},
	}
}

// keep copies the ledgers of a failed round to a permanent place.
func keep(t *testing.T, dir string) {
	to, err := os.MkdirTemp("", "shmchan-soak-")
	if err == nil {
		err = os.CopyFS(filepath.Join(to, "ledgers"), os.DirFS(dir))
	}
	if err != nil {
		t.Error(err)
		return
	}
	t.Logf("the ledgers are in %s", to)
}
