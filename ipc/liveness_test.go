package ipc_test

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// beat is the heartbeat of the tests that measure how soon a death is noticed. It is
// long enough that a busy machine does not delay a test by two of them.
const beat = 250 * time.Millisecond

const sameNamespace = "same PID namespace"

// starters are the ways to start a process for which deaths must be noticed.
var starters = map[string]func(testing.TB, string, ...string) *proctest.Proc{
	sameNamespace:         proctest.Start,
	"other PID namespace": proctest.StartNS,
}

// deaths are the ways in which a process exits without closing its endpoints.
var deaths = map[string]func(*proctest.Proc){
	"killed":             func(p *proctest.Proc) { p.Signal(syscall.SIGKILL) },
	"exit without Close": func(p *proctest.Proc) { p.Tell("exit") },
}

// beatOf returns the heartbeat for observing deaths in a namespace. In the observer's
// own namespace the kernel reports deaths, so a slow heartbeat proves that no
// heartbeat noticed them.
func beatOf(where string) time.Duration {
	if where == sameNamespace {
		return slow
	}
	return beat
}

// noticed checks and logs how long it took to notice each of several deaths. Time for
// which the machine kept this process from running does not count. A death that was
// noticed late counts only if that happens three times in a row.
func noticed(t *testing.T, once func(clock *proctest.Clock) time.Duration) {
	t.Helper()
	const tries = 3
	bound := 2 * beat
	if raceEnabled { // its runtime takes tens of milliseconds to start and to exit
		bound += beat / 2
	}
	clock := proctest.StartClock(t)
	var took []time.Duration
	for range 5 {
		least := once(clock)
		for n := 1; least > bound && n < tries; n++ {
			t.Logf("noticed late, after %v: retrying", least)
			least = min(least, once(clock))
		}
		took = append(took, least)
	}
	slices.Sort(took)
	t.Logf("noticed after %v (typical), %v (worst); bound %v", took[2], took[4], bound)
	require.LessOrEqual(t, took[4], bound, "within two heartbeats")
}

func TestDeathOfTheLastSenderIsNoticedByABlockedReceiver(t *testing.T) {
	for where, start := range starters {
		for how, die := range deaths {
			t.Run(where+", "+how, func(t *testing.T) {
				o := in(t)
				o.Heartbeat = beatOf(where)
				noticed(t, func(clock *proctest.Clock) time.Duration {
					r, err := ipc.NewReceiver(background(t), name, o)
					require.NoError(t, err)
					defer r.Close()
					p := start(t, "sender", encode(t, o))
					p.Expect("ready")
					require.Equal(t, "ok", p.Ask("send last words"))
					recv(t, r, "last words")

					ctx := background(t)
					got := async(func() error { _, err := r.Recv(ctx); return err })
					proctest.Parked(t, "(*Receiver).Recv", 1)
					died := clock.Now()
					die(p)
					require.ErrorIs(t, await(t, got), ipc.ErrDisconnected)
					return clock.Since(died)
				})
			})
		}
	}
}

func TestDeathOfTheReceiverIsNoticedByABlockedSender(t *testing.T) {
	for where, start := range starters {
		for how, die := range deaths {
			t.Run(where+", "+how, func(t *testing.T) {
				o := in(t)
				o.Capacity, o.Heartbeat = 4096, beatOf(where)
				noticed(t, func(clock *proctest.Clock) time.Duration {
					p := start(t, "receiver", encode(t, o))
					p.Expect("ready")
					s, err := ipc.NewSender(background(t), name, o)
					require.NoError(t, err)
					defer s.Close()
					fill(t, s, make([]byte, 100))

					ctx := background(t)
					sent := async(func() error { return s.Send(ctx, make([]byte, 100)) })
					proctest.Parked(t, "(*Sender).Send", 1)
					died := clock.Now()
					die(p)
					require.ErrorIs(t, await(t, sent), ipc.ErrDisconnected)
					return clock.Since(died)
				})
				remove(t, o)
			})
		}
	}
}

func TestDeadClaimerBlocksNobodyForLong(t *testing.T) {
	for where, start := range starters {
		t.Run(where, func(t *testing.T) {
			o := in(t)
			o.Heartbeat = beatOf(where)
			noticed(t, func(clock *proctest.Clock) time.Duration {
				s, r := newPairOnce(t, o)
				defer r.Close()
				defer s.Close()
				p := start(t, "sender", encode(t, o))
				p.Expect("ready")
				require.Equal(t, "ok", p.Ask("claim half written"))
				send(t, s, "behind the claim")
				requireEmpty(t, r)

				ctx := background(t)
				got := async(func() string { msg, _ := r.Recv(ctx); return string(msg) })
				proctest.Parked(t, "(*Receiver).Recv", 1)
				died := clock.Now()
				p.Signal(syscall.SIGKILL)
				require.Equal(t, "behind the claim", await(t, got))
				took := clock.Since(died)
				require.Equal(t, uint64(1), r.Stats().Skipped)
				return took
			})
		})
	}
}

func TestLastSenderThatDiesWithAClaimDisconnects(t *testing.T) {
	o := in(t)
	r := newReceiver(t, o)
	p := startSender(t, o)
	require.Equal(t, "ok", p.Ask("send whole"))
	require.Equal(t, "ok", p.Ask("claim torn"))
	p.Kill()
	recv(t, r, "whole")
	requireDisconnected(t, r)
}

func TestReceiverReportsDeaths(t *testing.T) {
	o := in(t)
	o.KeepOpen = true
	r := newReceiver(t, o)
	p := startSender(t, with(o, func(o *ipc.Options) { o.Label = "the late" }))
	require.Empty(t, r.Deaths())
	p.Kill()
	var deaths []ipc.Death
	proctest.Eventually(t, "the death is reported", func() bool {
		deaths = append(deaths, r.Deaths()...)
		return len(deaths) > 0
	})
	require.Len(t, deaths, 1)
	require.Equal(t, p.Pid(), deaths[0].PID)
	require.Equal(t, "the late", deaths[0].Label)
	require.Equal(t, uint64(1), r.Stats().Deaths)
	require.Empty(t, r.Deaths(), "reported once")

	s := newSender(t, o)
	require.NoError(t, s.Close())
	require.Equal(t, uint64(1), r.Stats().Deaths, "Close is not a death")
}

func TestDeathOfTheReceiverWakesSendersOfManyProcesses(t *testing.T) {
	o := in(t)
	o.Capacity, o.Heartbeat = 4096, beat
	r := startReceiver(t, o)
	var senders []*proctest.Proc
	for range 3 {
		p := startSender(t, o)
		p.Ask("fill 0123456789012345678901234567890123456789")
		require.Equal(t, "blocking", p.Ask("block-send 0123456789012345678901234567890123456789"))
		senders = append(senders, p)
	}
	r.Kill()
	for _, p := range senders {
		p.Expect("sent disconnected")
		require.Equal(t, "ok", p.Ask("close"))
	}
	remove(t, o)
}

func TestSenderThatDiesWaitingForRoomLeavesNoTrace(t *testing.T) {
	o := in(t)
	o.Capacity, o.KeepOpen = 4096, true
	s, r := newPair(t, o)
	p := startSender(t, o)
	n := fill(t, s, make([]byte, 1000))
	require.Equal(t, "blocking", p.Ask("block-send "+string(make([]byte, 1000))))
	p.Kill()
	for range n {
		_, err := r.Recv(background(t))
		require.NoError(t, err)
	}
	requireEmpty(t, r)
	for i := range 50 {
		require.NoError(t, s.Send(background(t), []byte(numbered("s", i))))
		recv(t, r, numbered("s", i))
	}
}

func TestAllSendersDyingAtOnce(t *testing.T) {
	o := in(t)
	o.MaxSenders, o.KeepOpen = 4, true
	r := newReceiver(t, o)
	var procs []*proctest.Proc
	for range 4 {
		p := startSender(t, o)
		require.Equal(t, "ok", p.Ask("send whole"))
		require.Equal(t, "ok", p.Ask("claim torn"))
		procs = append(procs, p)
	}
	for _, p := range procs {
		p.Signal(syscall.SIGKILL)
	}
	for _, p := range procs {
		p.Wait()
	}
	recv(t, r, "whole", "whole", "whole", "whole")
	s := newSender(t, o)
	send(t, s, "life goes on")
	recv(t, r, "life goes on")
	require.Equal(t, uint64(4), r.Stats().Skipped)
	requireDeaths(t, r, 4)
}

func TestEveryEndpointDyingAtOnceLeavesANameThatWorks(t *testing.T) {
	o := in(t)
	procs := []*proctest.Proc{startReceiver(t, o)}
	for range 3 {
		p := startSender(t, o)
		require.Equal(t, "ok", p.Ask("claim torn"))
		procs = append(procs, p)
	}
	for _, p := range procs {
		p.Signal(syscall.SIGKILL)
	}
	for _, p := range procs {
		p.Wait()
	}
	s, r := newPair(t, o)
	send(t, s, "new life")
	recv(t, r, "new life")
	requireEmpty(t, r)
}
