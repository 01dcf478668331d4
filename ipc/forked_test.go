package ipc_test

import (
	"fmt"
	"io/fs"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// killParent makes the process fork without exec and kills it. It returns the pid of
// the child, which still holds all locks of its parent.
func killParent(p *proctest.Proc) (child int) {
	p.Tell("fork")
	child = p.Forked()
	p.Kill()
	return child
}

func TestClaimOfADeadSenderIsSkippedThoughItsChildLives(t *testing.T) {
	o := in(t)
	o.Heartbeat = beat
	noticed(t, func(clock *proctest.Clock) time.Duration {
		s, r := newPairOnce(t, o)
		defer r.Close()
		defer s.Close()
		p := startSender(t, o)
		require.Equal(t, "ok", p.Ask("claim half written"))
		p.Tell("fork")
		p.Forked()
		send(t, s, "behind the claim")
		ctx := background(t)
		got := async(func() string { msg, _ := r.Recv(ctx); return string(msg) })
		proctest.Parked(t, "(*Receiver).Recv", 1)
		died := clock.Now()
		p.Signal(syscall.SIGKILL)
		require.Equal(t, "behind the claim", await(t, got))
		require.EqualValues(t, 1, r.Stats().Skipped)
		return clock.Since(died)
	})
}

func TestLastSenderIsDeadThoughItsChildLives(t *testing.T) {
	for _, durable := range []bool{false, true} {
		t.Run(fmt.Sprintf("durable %v", durable), func(t *testing.T) {
			o := in(t)
			o.Heartbeat, o.Durable, o.MaxSenders = beat, durable, 3
			r := newReceiver(t, o)
			p := startSender(t, o)
			require.Equal(t, "ok", p.Ask("send last words"))
			killParent(p)
			recv(t, r, "last words")
			requireDisconnected(t, r)
			requireDisconnected(t, r)
			if durable {
				require.NoError(t, r.Close())
				remove(t, o)
			}
		})
	}
}

func TestDeadSenderIsReportedOnceAndKeepsItsSlotUntilItsChildExits(t *testing.T) {
	o := in(t)
	o.Heartbeat, o.KeepOpen, o.MaxSenders = 20*time.Millisecond, true, 1
	r := newReceiver(t, o)
	p := startSender(t, with(o, func(o *ipc.Options) { o.Label = "the late" }))
	child := killParent(p)
	var deaths []ipc.Death
	proctest.Eventually(t, "the death is reported", func() bool {
		deaths = append(deaths, r.Deaths()...)
		return len(deaths) > 0
	})
	for range 5 {
		deaths = append(deaths, r.Deaths()...)
	}
	require.Equal(t, []ipc.Death{{Slot: 0, PID: p.Pid(), Label: "the late"}}, deaths)
	for _, describe := range []func() ipc.Stats{
		r.Stats,
		func() ipc.Stats { s, err := ipc.Inspect(name, o); require.NoError(t, err); return s },
	} {
		stats := describe()
		require.EqualValues(t, 1, stats.Deaths)
		require.Len(t, stats.Senders, 1)
		require.Equal(t, ipc.StateDead, stats.Senders[0].State)
		require.True(t, stats.Senders[0].Outlived)
	}
	_, err := ipc.NewSender(background(t), name, o)
	require.ErrorIs(t, err, ipc.ErrNoSlot, "the child holds the slot's lock")

	proctest.EndForked(t, child)
	s := newSender(t, o) // reuses the slot, reaped by this call or by the reaper
	send(t, s, "in its place")
	recv(t, r, "in its place")
	require.Empty(t, r.Deaths(), "the death was reported before")
	require.EqualValues(t, 1, r.Stats().Deaths)

	require.NoError(t, s.Close())
	q := startSender(t, o)
	q.Kill()
	proctest.Eventually(t, "the next death is reported", func() bool {
		deaths = append(deaths, r.Deaths()...)
		return len(deaths) > 1
	})
	require.Equal(t, q.Pid(), deaths[1].PID)
	require.EqualValues(t, 2, r.Stats().Deaths)
}

func TestDeadReceiverIsReplacedThoughItsChildLives(t *testing.T) {
	for what, replace := range map[string]func(t *testing.T, o *ipc.Options){
		"receiver": func(t *testing.T, o *ipc.Options) {
			r := newReceiver(t, o)
			s := newSender(t, o)
			send(t, s, "new life")
			recv(t, r, "new life")
		},
		"sender with Create": func(t *testing.T, o *ipc.Options) {
			s := newSender(t, with(o, func(o *ipc.Options) { o.Create = true }))
			send(t, s, "new life")
			recv(t, newReceiver(t, o), "new life")
		},
		"Create": func(t *testing.T, o *ipc.Options) {
			require.NoError(t, ipc.Create(name, o))
			require.NoError(t, ipc.Remove(name, o))
		},
		"Remove": func(t *testing.T, o *ipc.Options) { require.NoError(t, ipc.Remove(name, o)) },
	} {
		t.Run(what, func(t *testing.T) {
			o := in(t)
			o.Capacity, o.Heartbeat = 4096, beat
			p := startReceiver(t, o)
			s := newSender(t, o)
			fill(t, s, make([]byte, 100))
			ctx := background(t)
			sent := async(func() error { return s.Send(ctx, make([]byte, 100)) })
			proctest.Parked(t, "(*Sender).Send", 1)
			killParent(p)
			require.ErrorIs(t, await(t, sent), ipc.ErrDisconnected)
			<-s.Done()

			require.NoError(t, s.Close())
			stats, err := ipc.Inspect(name, o)
			require.NoError(t, err)
			require.True(t, stats.Dead)
			require.Equal(t, ipc.StateDead, stats.Receiver.State)
			_, err = ipc.NewSender(ctx, name, o)
			require.ErrorIs(t, err, fs.ErrNotExist)
			replace(t, o)
		})
	}
}

// The successor is the first to find out that the receiver is dead.
func TestDeadReceiverIsReplacedAtOnceThoughItsChildLives(t *testing.T) {
	o := in(t)
	p := startReceiver(t, o)
	killParent(p)
	newReceiver(t, o)
}

func TestDurableChannelReportsTheProcessHoldingADeadReceiversLock(t *testing.T) {
	o := in(t)
	o.Durable = true
	p := startReceiver(t, o)
	s := newSender(t, o)
	send(t, s, "unread")
	child := killParent(p)
	_, err := ipc.NewReceiver(background(t), name, o)
	require.ErrorIs(t, err, ipc.ErrBusy)
	require.ErrorContains(t, err, fmt.Sprintf("its receiver, process %d, is dead", p.Pid()))
	require.ErrorContains(t, err, "fuser "+path(o))
	stats := s.Stats()
	require.Equal(t, ipc.StateDead, stats.Receiver.State)
	require.True(t, stats.Receiver.Outlived)
	send(t, s, "and more")

	proctest.EndForked(t, child)
	r := newReceiver(t, o)
	recv(t, r, "unread", "and more")
	require.NoError(t, r.Close())
	require.ErrorIs(t, ipc.Remove(name, o), ipc.ErrBusy, "a sender is alive")
	require.NoError(t, s.Close())
	remove(t, o)
}

func TestChannelOfTheDeadIsRemovedThoughTheirChildrenLive(t *testing.T) {
	o := in(t)
	o.Durable, o.MaxSenders = true, 5
	r := startReceiver(t, o)
	first, second := startSender(t, o), startSender(t, o)
	alive := newSender(t, o)
	for _, p := range []*proctest.Proc{second, r, first} {
		killParent(p)
	}
	require.ErrorIs(t, ipc.Remove(name, o), ipc.ErrBusy, "a sender is alive")
	require.NoError(t, alive.TrySend([]byte("still usable")))
	require.NoError(t, alive.Close())
	remove(t, o)
}
