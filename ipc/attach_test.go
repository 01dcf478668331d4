package ipc_test

import (
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

func TestReceiverMakesTheChannelAndSenderJoinsIt(t *testing.T) {
	o := in(t)
	s, r := newPair(t, o)
	require.FileExists(t, path(o))
	send(t, s, "hello")
	recv(t, r, "hello")
}

func TestSenderOfAMissingChannelIsNotExist(t *testing.T) {
	_, err := ipc.NewSender(background(t), name, in(t))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, name, "the error names the channel")
}

func TestSecondReceiverIsBusy(t *testing.T) {
	o := in(t)
	newReceiver(t, o)
	_, err := ipc.NewReceiver(background(t), name, o)
	require.ErrorIs(t, err, ipc.ErrBusy)

	p := proctest.Start(t, "receiver", encode(t, o))
	p.Expect("busy")
}

// A refused second receiver opens and closes the file. If the locks belonged to the
// process instead of the open file, this close would release the first one's.
func TestRefusedReceiverLeavesTheFirstAttached(t *testing.T) {
	o := in(t)
	s, r := newPair(t, o)
	for range 3 {
		_, err := ipc.NewReceiver(background(t), name, o)
		require.ErrorIs(t, err, ipc.ErrBusy)
	}
	send(t, s, "still yours")
	recv(t, r, "still yours")
}

func TestChannelCanBeMadeAgainAfterClose(t *testing.T) {
	o := in(t)
	for range 3 {
		r, err := ipc.NewReceiver(background(t), name, o)
		require.NoError(t, err)
		s, err := ipc.NewSender(background(t), name, o)
		require.NoError(t, err)
		send(t, s, "one life")
		recv(t, r, "one life")
		require.NoError(t, s.Close())
		require.NoError(t, r.Close())
	}
}

func TestSenderInAnotherProcess(t *testing.T) {
	o := in(t)
	r := newReceiver(t, o)
	p := startSender(t, o)
	require.Equal(t, "ok", p.Ask("send across the border"))
	recv(t, r, "across the border")
}

func TestReceiverInAnotherProcess(t *testing.T) {
	o := in(t)
	p := startReceiver(t, o)
	s := newSender(t, o)
	send(t, s, "out there")
	require.Equal(t, "got out there", p.Ask("recv"))
	require.Equal(t, "empty", p.Ask("try"))
	require.Equal(t, "ok", p.Ask("close"))
}

func TestChannelsOfDifferentNamesAreSeparate(t *testing.T) {
	o := in(t)
	a, err := ipc.NewReceiver(background(t), "a", o)
	require.NoError(t, err)
	defer a.Close()
	b, err := ipc.NewReceiver(background(t), "b", o)
	require.NoError(t, err)
	defer b.Close()
	s, err := ipc.NewSender(background(t), "a", o)
	require.NoError(t, err)
	defer s.Close()

	send(t, s, "for a")
	requireEmpty(t, b)
	recv(t, a, "for a")
}

func TestSameNameInAnotherDirectoryIsAnotherChannel(t *testing.T) {
	a, b := in(t), in(t)
	s, r := newPair(t, a)
	other := newReceiver(t, b)
	send(t, s, "here")
	requireEmpty(t, other)
	recv(t, r, "here")
}

func TestCloneIsASenderOfItsOwn(t *testing.T) {
	s, r := newPair(t, in(t))
	c, err := s.Clone()
	require.NoError(t, err)
	defer c.Close()

	send(t, s, "original")
	send(t, c, "clone")
	require.Len(t, r.Stats().Senders, 2)
	recv(t, r, "original", "clone")
}

func TestCloneOutlivesItsOriginal(t *testing.T) {
	s, r := newPair(t, in(t))
	c, err := s.Clone()
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, s.Close())

	send(t, c, "still here")
	recv(t, r, "still here")
	requireEmpty(t, r)
	require.NoError(t, c.Close())
	requireDisconnected(t, r)
}

func TestClosingOneSenderLeavesTheOthersAttached(t *testing.T) {
	o := in(t)
	o.Heartbeat = slow
	s, r := newPair(t, o)
	for range 3 {
		extra, err := ipc.NewSender(background(t), name, o)
		require.NoError(t, err)
		require.NoError(t, extra.Close())
	}
	stats := r.Stats()
	require.Len(t, stats.Senders, 1)
	require.Equal(t, ipc.StateAlive, stats.Senders[0].State)
	send(t, s, "mine")
	recv(t, r, "mine")
	requireEmpty(t, r)
}

func TestConstructorsThatNeedNotWaitTakeAnExpiredContext(t *testing.T) {
	o := in(t)
	r, err := ipc.NewReceiver(expired(t), name, o)
	require.NoError(t, err)
	defer r.Close()
	s, err := ipc.NewSender(expired(t), name, with(o, func(o *ipc.Options) { o.Wait = true }))
	require.NoError(t, err)
	defer s.Close()
	send(t, s, "in time")
	recv(t, r, "in time")
}

func TestOpenersTakeTheCreatorsLayout(t *testing.T) {
	o := in(t)
	o.Capacity, o.MaxSenders, o.Mode = 8192, 3, 0o600
	r := newReceiver(t, o)
	s := newSender(t, with(o, func(o *ipc.Options) { o.Capacity, o.MaxSenders, o.Mode = 1<<20, 99, 0o666 }))
	for _, stats := range []ipc.Stats{r.Stats(), s.Stats()} {
		require.Equal(t, 8192, stats.Capacity)
		require.Equal(t, 3, stats.MaxSenders)
		require.Equal(t, fs.FileMode(0o600), stats.Mode.Perm())
	}
	require.Equal(t, 4096, s.MaxMessage())
}

func TestStatsShowBothEndpoints(t *testing.T) {
	o := in(t)
	o.Label = "consumer"
	r := newReceiver(t, o)
	s := newSender(t, with(o, func(o *ipc.Options) { o.Label = "producer" }))
	p := startSender(t, with(o, func(o *ipc.Options) { o.Label = "child" }))
	send(t, s, "four", "five5")

	stats := r.Stats()
	require.NotNil(t, stats.Receiver)
	require.Equal(t, -1, stats.Receiver.Slot)
	require.Equal(t, os.Getpid(), stats.Receiver.PID)
	require.Equal(t, "consumer", stats.Receiver.Label)
	require.Len(t, stats.Senders, 2)
	require.Equal(t, "producer", stats.Senders[0].Label)
	require.Equal(t, uint64(2), stats.Senders[0].Messages)
	require.Equal(t, uint64(9), stats.Senders[0].Bytes)
	require.Equal(t, "child", stats.Senders[1].Label)
	require.Equal(t, p.Pid(), stats.Senders[1].PID)
	require.Greater(t, stats.Senders[1].Slot, stats.Senders[0].Slot)
	require.NotZero(t, stats.Used)

	recv(t, r, "four", "five5")
	stats = r.Stats()
	require.Equal(t, uint64(2), stats.Messages)
	require.Equal(t, uint64(9), stats.Bytes)
	require.Equal(t, uint64(2), stats.Received)
	require.Zero(t, stats.Used)
	require.Equal(t, stats.Tail, stats.Head)
}
