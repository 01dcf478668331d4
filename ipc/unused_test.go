package ipc_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

func durable(t testing.TB) *ipc.Options {
	return with(in(t), func(o *ipc.Options) { o.Durable, o.Create = true, true })
}

func requireKept(t testing.TB, o *ipc.Options, messages uint64) {
	t.Helper()
	n, err := ipc.Unread(name, o)
	require.NoError(t, err)
	require.Equal(t, messages, n)
	err = ipc.RemoveUnused(name, o)
	var unread *ipc.UnreadError
	require.ErrorAs(t, err, &unread)
	require.Equal(t, messages, unread.Messages)
	require.FileExists(t, path(o))
}

func requireUnused(t testing.TB, o *ipc.Options) {
	t.Helper()
	n, err := ipc.Unread(name, o)
	require.NoError(t, err)
	require.Zero(t, n)
	require.NoError(t, ipc.RemoveUnused(name, o))
	require.NoFileExists(t, path(o))
}

func TestRemoveUnusedKeepsUnreadMessages(t *testing.T) {
	t.Run("of a durable channel", func(t *testing.T) {
		o := durable(t)
		s := newSender(t, o)
		send(t, s, "a", "b")
		_, err := s.SendBatch(background(t), [][]byte{[]byte("c"), []byte("d")})
		require.NoError(t, err)
		require.NoError(t, s.Close())
		requireKept(t, o, 4)
		r := newReceiver(t, o)
		recv(t, r, "a", "b", "c") // c is in the same record as d
		require.NoError(t, r.Close())
		requireKept(t, o, 1)
		r = newReceiver(t, o)
		recv(t, r, "d")
		require.NoError(t, r.Close())
		requireUnused(t, o)
	})
	t.Run("of a killed sender", func(t *testing.T) {
		o := durable(t)
		p := startSender(t, o)
		require.Equal(t, "ok", p.Ask("send a"))
		require.Equal(t, "ok", p.Ask("claim never committed"))
		p.Kill()
		requireKept(t, o, 1)
		require.NoError(t, ipc.Remove(name, o))
	})
	t.Run("held by a killed receiver", func(t *testing.T) {
		o := durable(t)
		s := newSender(t, o)
		send(t, s, "a")
		p := startReceiver(t, o)
		p.Tell("hold")
		p.Expect("holds a")
		require.NoError(t, s.Close())
		p.Kill()
		requireKept(t, o, 1)
		require.NoError(t, ipc.Remove(name, o))
	})
}

func TestRemoveUnusedRemoves(t *testing.T) {
	t.Run("an empty durable channel", func(t *testing.T) {
		o := durable(t)
		require.NoError(t, ipc.Create(name, o))
		requireUnused(t, o)
	})
	t.Run("a channel with only an aborted claim", func(t *testing.T) {
		o := durable(t)
		s := newSender(t, o)
		c, err := s.Claim(background(t), 100)
		require.NoError(t, err)
		require.NoError(t, c.Abort())
		require.NoError(t, s.Close())
		stats, err := ipc.Inspect(name, o)
		require.NoError(t, err)
		require.NotZero(t, stats.Used, "the ring holds padding")
		requireUnused(t, o)
	})
	t.Run("a channel with only a dead sender's claim", func(t *testing.T) {
		o := durable(t)
		p := startSender(t, o)
		require.Equal(t, "ok", p.Ask("claim never committed"))
		p.Kill()
		requireUnused(t, o)
	})
	t.Run("a channel that is not durable, with its messages", func(t *testing.T) {
		o := creating(in(t))
		s := newSender(t, o)
		send(t, s, "a")
		require.NoError(t, s.Close())
		require.NoError(t, ipc.RemoveUnused(name, o))
		require.NoFileExists(t, path(o))
	})
}

func TestRemoveUnusedRefusesAsRemoveDoes(t *testing.T) {
	o := durable(t)
	require.ErrorIs(t, ipc.RemoveUnused(name, o), fs.ErrNotExist)
	_, err := ipc.Unread(name, o)
	require.ErrorIs(t, err, fs.ErrNotExist)
	s := newSender(t, o)
	require.ErrorIs(t, ipc.RemoveUnused(name, o), ipc.ErrBusy)
	require.NoError(t, s.Close())
	requireUnused(t, o)
}

// A corrupt ring may hold messages, so RemoveUnused keeps it.
func TestRemoveUnusedKeepsACorruptRing(t *testing.T) {
	o := durable(t)
	s := newSender(t, o)
	send(t, s, "a")
	require.NoError(t, s.Close())
	stats, err := ipc.Inspect(name, o)
	require.NoError(t, err)
	info, err := os.Stat(path(o))
	require.NoError(t, err)
	f, err := os.OpenFile(path(o), os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte{0xff, 0xff, 0xff, 0xff}, info.Size()-int64(stats.Capacity)+8) // the record's length
	require.NoError(t, errors.Join(err, f.Close()))
	var corrupt *ipc.CorruptError
	require.ErrorAs(t, ipc.RemoveUnused(name, o), &corrupt)
	require.FileExists(t, path(o))
	require.NoError(t, ipc.Remove(name, o))
}

// Senders join, send and close while goroutines constantly call RemoveUnused: no message
// is lost, and no endpoint fails to open.
func TestRemoveUnusedLosesNoMessageToARace(t *testing.T) {
	o := durable(t)
	ctx, cancel := context.WithCancel(background(t))
	var removers, senders sync.WaitGroup
	for range 2 {
		removers.Go(func() {
			for ctx.Err() == nil {
				_ = ipc.RemoveUnused(name, o) // it may fail
			}
		})
	}
	const each, rounds = 2, 60
	received := map[string]int{}
	for range rounds {
		for range each {
			senders.Go(func() {
				s, err := ipc.NewSender(ctx, name, o)
				if err == nil {
					err = errors.Join(s.Send(ctx, []byte("x")), s.Close())
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		senders.Wait()
		r, err := ipc.NewReceiver(ctx, name, o)
		require.NoError(t, err)
		for msg, err := range r.Drain() {
			require.NoError(t, err)
			received[string(msg)]++
		}
		require.NoError(t, r.Close())
	}
	cancel()
	removers.Wait()
	require.Equal(t, map[string]int{"x": each * rounds}, received)
	if err := ipc.Remove(name, o); err != nil {
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
}
