package ipc_test

import (
	"context"
	"fmt"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

func creating(o *ipc.Options) *ipc.Options {
	return with(o, func(o *ipc.Options) { o.Create = true })
}

func waiting(o *ipc.Options) *ipc.Options {
	return with(o, func(o *ipc.Options) { o.Wait = true })
}

// killReceiver creates a channel and kills its receiver.
func killReceiver(t testing.TB, o *ipc.Options) {
	t.Helper()
	startReceiver(t, o).Kill()
	require.FileExists(t, path(o))
}

func TestCloseOfTheReceiverRemovesTheFile(t *testing.T) {
	o := in(t)
	s, r := newPair(t, o)
	send(t, s, "unread")
	require.NoError(t, r.Close())
	require.NoFileExists(t, path(o))
	_, err := ipc.NewSender(background(t), name, o)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestKilledReceiverLeavesADeadChannel(t *testing.T) {
	o := in(t)
	killReceiver(t, o)
	stats, err := ipc.Inspect(name, o)
	require.NoError(t, err)
	require.True(t, stats.Dead)
	remove(t, o)
}

func TestNewReceiverReplacesADeadChannel(t *testing.T) {
	o := in(t)
	p := startReceiver(t, o)
	old := newSender(t, o)
	send(t, old, "for the dead")
	p.Kill()

	r := newReceiver(t, o)
	requireEmpty(t, r)
	require.ErrorIs(t, old.TrySend([]byte("x")), ipc.ErrDisconnected, "old senders stay disconnected")
	s := newSender(t, o)
	send(t, s, "for the living")
	recv(t, r, "for the living")
	require.ErrorIs(t, old.TrySend([]byte("x")), ipc.ErrDisconnected)
	require.NoError(t, old.Close())
	requireEmpty(t, r)
}

func TestNewSenderTakesADeadChannelAsMissing(t *testing.T) {
	o := in(t)
	killReceiver(t, o)
	_, err := ipc.NewSender(background(t), name, o)
	require.ErrorIs(t, err, fs.ErrNotExist)

	_, err = ipc.NewSender(brief(t), name, waiting(o))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	remove(t, o)
}

func TestWaitingSenderJoinsTheReplacementOfADeadChannel(t *testing.T) {
	o := in(t)
	killReceiver(t, o)
	ctx := background(t)
	joined := async(func() error {
		s, err := ipc.NewSender(ctx, name, waiting(o))
		if err != nil {
			return err
		}
		defer s.Close()
		return s.Send(ctx, []byte("at last"))
	})
	proctest.Parked(t, "ipc.NewSender", 1)
	r := newReceiver(t, o)
	recv(t, r, "at last")
	require.NoError(t, await(t, joined))
}

func TestCreatingSenderReplacesADeadChannel(t *testing.T) {
	o := in(t)
	killReceiver(t, o)
	s := newSender(t, creating(o))
	send(t, s, "fresh")
	r := newReceiver(t, o)
	recv(t, r, "fresh")
}

func TestCreatorsMessagesAreKeptForTheFirstReceiver(t *testing.T) {
	o := in(t)
	s := newSender(t, creating(o))
	send(t, s, "early", "bird")
	other := newSender(t, o)
	send(t, other, "too")
	r := newReceiver(t, o)
	recv(t, r, "early", "bird", "too")
	requireEmpty(t, r)
}

func TestMessagesOfAKilledCreatorAreKeptToo(t *testing.T) {
	o := in(t)
	p := startSender(t, creating(o))
	require.Equal(t, "ok", p.Ask("send testament"))
	p.Kill()
	r := newReceiver(t, o)
	recv(t, r, "testament")
	requireDisconnected(t, r)
}

func TestCreateJoinsAChannelThatIsThere(t *testing.T) {
	o := in(t)
	r := newReceiver(t, o)
	s := newSender(t, creating(o))
	send(t, s, "joined")
	recv(t, r, "joined")
}

func TestWaitingSenderJoinsWhenTheChannelIsMade(t *testing.T) {
	o := in(t)
	ctx := background(t)
	joined := async(func() error {
		s, err := ipc.NewSender(ctx, name, waiting(o))
		if err != nil {
			return err
		}
		defer s.Close()
		return s.Send(ctx, []byte("hello"))
	})
	proctest.Parked(t, "ipc.NewSender", 1)
	r := newReceiver(t, o)
	recv(t, r, "hello")
	require.NoError(t, await(t, joined))
}

func TestWaitRunningOutIsBothErrors(t *testing.T) {
	o := waiting(in(t))
	_, err := ipc.NewSender(brief(t), name, o)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, fs.ErrNotExist)

	ctx, cancel := context.WithCancel(background(t))
	cancel()
	_, err = ipc.NewSender(ctx, name, o)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestKeepOpenReceiverWaitsForTheNextSender(t *testing.T) {
	o := in(t)
	o.KeepOpen = true
	s, r := newPair(t, o)
	for range 3 {
		send(t, s, "one of many")
		require.NoError(t, s.Close())
		recv(t, r, "one of many")
		requireEmpty(t, r)
		s = newSender(t, o)
	}
	require.NoError(t, s.Close())
	ctx := background(t)
	got := async(func() string {
		msg, err := r.Recv(ctx)
		return string(msg) + " " + kind(err)
	})
	proctest.Parked(t, "(*Receiver).Recv", 1)
	send(t, newSender(t, o), "next")
	require.Equal(t, "next ok", await(t, got))
}

// Another process repeatedly creates and closes a receiver under one name. Whichever
// of these channels a sender joins, Flush succeeds only if the message was received;
// otherwise the sender gets ErrDisconnected.
func TestOpenerNoticesANameThatIsCreatedAgain(t *testing.T) {
	o := in(t)
	p := proctest.Start(t, "reopener", encode(t, o))
	p.Expect("ready")
	flushed := 0
	for range 100 {
		s, err := ipc.NewSender(background(t), name, waiting(o))
		require.NoError(t, err)
		err = s.Send(background(t), []byte("x"))
		if err == nil {
			err = s.Flush(background(t))
		}
		if err == nil {
			flushed++
		} else {
			require.ErrorIs(t, err, ipc.ErrDisconnected)
		}
		require.NoError(t, s.Close())
	}
	var received int
	_, err := fmt.Sscanf(p.Ask("stop"), "received %d", &received)
	require.NoError(t, err)
	require.Zero(t, p.Wait())
	require.Positive(t, flushed)
	require.LessOrEqual(t, flushed, received)
}

// reopenerRole creates the channel again and again until it receives a line. From
// every other channel it receives one message.
func reopenerRole(args []string) int {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		proctest.Hear()
		cancel()
	}()
	received := 0
	proctest.Say("ready")
	for life := 0; ctx.Err() == nil; life++ {
		r, err := ipc.NewReceiver(ctx, name, decode(args))
		if err != nil {
			panic(err)
		}
		if life%2 == 0 {
			if _, err := r.Recv(ctx); err == nil {
				received++
			}
		}
		if err := r.Close(); err != nil {
			panic(err)
		}
	}
	proctest.Say("received %d", received)
	return 0
}
