package ipc_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// receiveFlood receives until disconnected. It checks that each sender's messages are
// whole and in order, and returns their number by sender.
func receiveFlood(t testing.TB, r *ipc.Receiver) map[string]int {
	t.Helper()
	count := map[string]int{}
	for msg, err := range r.All(background(t)) {
		require.NoError(t, err)
		who, _, _ := strings.Cut(string(msg), "-")
		require.Equal(t, numbered(who, count[who]), string(msg), "want messages whole and in order")
		count[who]++
	}
	return count
}

// sentNumber parses the "sent 17" of a flooding child: 17 is the number of a message
// whose Send has returned.
func sentNumber(t testing.TB, said string) int {
	t.Helper()
	var n int
	_, err := fmt.Sscanf(said, "sent %d", &n)
	require.NoError(t, err, said)
	return n
}

// requireDeaths waits until the channel counts n deaths. It waits because the fields of
// Stats may disagree while a slot is being reaped.
func requireDeaths(t testing.TB, r *ipc.Receiver, n uint64) {
	t.Helper()
	proctest.Eventually(t, "all deaths are counted", func() bool { return r.Stats().Deaths == n })
}

func TestKilledSenderTearsAndLosesNothing(t *testing.T) {
	o := in(t)
	o.Capacity = 16 << 10
	for round := range 12 {
		r, err := ipc.NewReceiver(background(t), name, o)
		require.NoError(t, err)
		p := startSender(t, o)
		p.Tell("flood f")
		got := async(func() map[string]int { return receiveFlood(t, r) })
		known := 0
		for range 2 + 3*round {
			known = sentNumber(t, p.Line())
		}
		p.Kill()
		count := await(t, got)
		require.Greater(t, count["f"], known, "want every message whose Send returned")
		require.NoError(t, r.Close())
	}
}

func TestSurvivorsAreNotHurtByAKilledSender(t *testing.T) {
	o := in(t)
	o.Capacity = 8 << 10
	for range 5 {
		r, err := ipc.NewReceiver(background(t), name, o)
		require.NoError(t, err)
		victim, survivor := startSender(t, o), startSender(t, o)
		victim.Tell("flood victim")
		survivor.Tell("many 3000")
		got := async(func() map[string]int { return receiveFlood(t, r) })
		for range 20 {
			victim.Line()
		}
		victim.Kill()
		survivor.Expect("ok")
		require.Equal(t, "ok", survivor.Ask("close"))
		count := await(t, got)
		require.Equal(t, 3000, count[fmt.Sprint(survivor.Pid())])
		require.Positive(t, count["victim"])
		requireDeaths(t, r, 1)
		require.NoError(t, r.Close())
	}
}

func TestSendersComeAndGoWhileOthersAreKilled(t *testing.T) {
	o := in(t)
	o.Capacity, o.MaxSenders, o.KeepOpen = 16<<10, 3, true
	r := newReceiver(t, o)
	for i := range 8 {
		who := fmt.Sprint("p", i)
		p := startSender(t, o)
		p.Tell("flood %s", who)
		for n := range 200 {
			recv(t, r, numbered(who, n))
		}
		p.Kill()
		// The rest of what it sent, perhaps past a claim that it did not commit.
		for msg, err := range r.Drain() {
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(string(msg), who))
		}
	}
	requireDeaths(t, r, 8)
	requireEmpty(t, r)
}

func TestSlotOfADeadSenderIsFreedWithNoCallOfTheReceiversUser(t *testing.T) {
	o := in(t)
	o.MaxSenders = 2
	r := newReceiver(t, o)
	p := startSender(t, o)
	require.Equal(t, "ok", p.Ask("send unread"))
	p.Kill()
	proctest.Eventually(t, "the slot is free", func() bool {
		stats, err := ipc.Inspect(name, o)
		require.NoError(t, err)
		return len(stats.Senders) == 0
	})
	recv(t, r, "unread")
}

func TestSlotOfADeadSenderIsFreedByAnAttachingSender(t *testing.T) {
	o := in(t)
	o.MaxSenders = 1
	p := startSender(t, creating(o))
	require.Equal(t, "ok", p.Ask("send kept"))
	p.Kill()
	// No receiver has ever attached, so only the new sender can free the slot.
	s := newSender(t, o)
	send(t, s, "second")
	r := newReceiver(t, o)
	recv(t, r, "kept", "second")
}
