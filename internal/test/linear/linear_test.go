package linear

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

const (
	historiesEnv = "SHMCHAN_LINEAR_HISTORIES"
	normal       = 30
	senders      = 3
	calls        = 25 // of each sender
	checkWithin  = 2 * time.Minute
)

type child struct {
	begun  string // the file with its history
	t      testing.TB
	cmd    *exec.Cmd
	goNow  func() error
	stderr bytes.Buffer
}

func start(t testing.TB, o orders) *child {
	t.Helper()
	raw, err := json.Marshal(o)
	require.NoError(t, err)
	c := &child{begun: historyName(o.Files, o.Client), t: t, cmd: exec.Command("/proc/self/exe")}
	c.cmd.Env = append(os.Environ(), ordersEnv+"="+string(raw), "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	in, err := c.cmd.StdinPipe()
	require.NoError(t, err)
	c.goNow = in.Close
	c.cmd.Stderr = &c.stderr
	require.NoError(t, c.cmd.Start())
	return c
}

// wait waits for the child to exit by itself or, if told is true, tells it to exit.
func (c *child) wait(told bool) {
	c.t.Helper()
	if told {
		_ = c.goNow()
	}
	late := time.AfterFunc(proctest.Patience, func() { _ = c.cmd.Process.Kill() })
	_ = c.cmd.Wait()
	require.True(c.t, late.Stop(), "a process hung")
	_ = c.goNow()
	require.Empty(c.t, c.stderr.String())
}

// record runs processes that send and receive, kills some, and returns the history.
func record(t *testing.T, seed uint64) (ops []porcupine.Operation, kills int) {
	rng := rand.New(rand.NewPCG(seed, 0))
	durable := rng.IntN(2) == 0
	client := 0
	base := orders{
		Seed: seed, Files: t.TempDir(), Calls: calls,
		Options: ipc.Options{Dir: proctest.Dir(t), Capacity: capacity, Durable: durable, KeepOpen: true, Wait: true},
	}
	launch := func(send, drain bool) *child {
		client++
		o := base
		o.Client, o.Send, o.Drain = client, send, drain
		return start(t, o)
	}
	kill := func(c *child) {
		proctest.Eventually(t, "it has begun", func() bool {
			_, err := os.Stat(c.begun)
			return err == nil
		})
		time.Sleep(time.Duration(rng.IntN(5_000)) * time.Microsecond)
		_ = c.cmd.Process.Kill()
		kills++
		c.wait(false)
	}
	receiver := launch(false, false)
	var sending []*child
	for range senders {
		sending = append(sending, launch(true, false))
	}
	for range rng.IntN(6) { // senders that are killed
		i := rng.IntN(len(sending))
		kill(sending[i])
		sending[i] = launch(true, false)
	}
	if durable && rng.IntN(2) == 0 {
		kill(receiver)
		receiver = launch(false, false)
	}
	for _, c := range sending {
		c.wait(false)
	}
	if durable {
		receiver.wait(true)
		launch(false, true).wait(false)
		require.NoError(t, ipc.Remove(channel, &base.Options))
		return read(base.Files), kills
	}
	time.Sleep(5 * time.Millisecond) // it receives available messages; the rest is lost with it
	receiver.wait(true)
	return read(base.Files), kills
}

func check(t testing.TB, ops []porcupine.Operation) porcupine.CheckResult {
	t.Helper()
	return porcupine.CheckOperationsTimeout(queue(capacity), halve(ops), checkWithin)
}

func count(ops []porcupine.Operation, is func(input) bool) (n int) {
	for _, op := range ops {
		if is(op.Input.(input)) {
			n++
		}
	}
	return n
}

func TestHistoriesAreLinearizable(t *testing.T) {
	histories := normal
	if text := os.Getenv(historiesEnv); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		histories = n
	} else if testing.Short() {
		histories = 5
	}
	seed := uint64(time.Now().UnixNano()) >> 10
	var sums [empty + 1]int
	var pending, kills, all int
	var slowest time.Duration
	for i := range histories {
		ops, killed := record(t, seed+uint64(i))
		begun := time.Now()
		if result := check(t, ops); result != porcupine.Ok {
			t.Fatalf("history %d (seed %d) of %d operations is %v:\n%v", i, seed, len(ops), result, text(ops))
		}
		slowest = max(slowest, time.Since(begun))
		for c := range sums {
			sums[c] += count(ops, func(in input) bool { return in.call == call(c) && !in.pending })
		}
		pending += count(ops, func(in input) bool { return in.pending })
		kills += killed
		all += len(ops)
	}
	t.Logf("%d histories, %d operations: %d sends, %d full, %d received, %d empty, %d pending at one of %d deaths; slowest check %v (seed %d)",
		histories, all, sums[send], sums[full], sums[recv], sums[empty], pending, kills, slowest, seed)
}

func text(ops []porcupine.Operation) string {
	ops = slices.Clone(ops)
	slices.SortFunc(ops, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	lines := ""
	for _, op := range ops {
		lines += strconv.FormatInt(op.Call-ops[0].Call, 10) + " to " + strconv.FormatInt(op.Return-ops[0].Call, 10) +
			" client " + strconv.Itoa(op.ClientId) + ": " + op.Input.(input).String() + "\n"
	}
	return lines
}
