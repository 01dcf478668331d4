package ipc_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// losses are the ways in which a channel loses its name.
var losses = map[string]func(t testing.TB, o *ipc.Options){
	"removed": func(t testing.TB, o *ipc.Options) { require.NoError(t, os.Remove(path(o))) },
	"renamed over": func(t testing.TB, o *ipc.Options) {
		require.NoError(t, os.WriteFile(path(o)+"-new", nil, 0o600))
		require.NoError(t, os.Rename(path(o)+"-new", path(o)))
	},
	"replaced by another channel": func(t testing.TB, o *ipc.Options) {
		require.NoError(t, os.Remove(path(o)))
		require.NoError(t, ipc.Create(name, o))
	},
	"renamed":           func(t testing.TB, o *ipc.Options) { require.NoError(t, os.Rename(path(o), path(o)+"-old")) },
	"directory removed": func(t testing.TB, o *ipc.Options) { require.NoError(t, os.RemoveAll(o.Dir)) },
	"directory renamed": func(t testing.TB, o *ipc.Options) { require.NoError(t, os.Rename(o.Dir, o.Dir+"-old")) },
}

// below returns options for channels in a directory that may be removed.
func below(t testing.TB) *ipc.Options {
	o := &ipc.Options{Dir: filepath.Join(proctest.Dir(t), "d")}
	t.Cleanup(func() {
		require.NoError(t, os.RemoveAll(o.Dir))
		require.NoError(t, os.RemoveAll(o.Dir+"-old"))
	})
	return o
}

// gone checks the error of a receiver whose channel can no longer be opened.
func gone(t testing.TB, err error) {
	t.Helper()
	require.ErrorIs(t, err, ipc.ErrDisconnected)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// eachKind runs a test for each combination of KeepOpen and Durable.
func eachKind(t *testing.T, o *ipc.Options, test func(t *testing.T, o *ipc.Options)) {
	for _, keep := range []bool{false, true} {
		for _, durable := range []bool{false, true} {
			t.Run(fmt.Sprintf("keep open %v, durable %v", keep, durable), func(t *testing.T) {
				fresh := below(t)
				fresh.KeepOpen, fresh.Durable, fresh.Heartbeat = keep, durable, o.Heartbeat
				test(t, fresh)
			})
		}
	}
}

func TestReceiverWithoutSenderLearnsThatItsNameIsGone(t *testing.T) {
	const beat = 500 * time.Millisecond
	for how, lose := range losses {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			eachKind(t, &ipc.Options{Heartbeat: beat}, func(t *testing.T, o *ipc.Options) {
				t.Parallel()
				r, err := ipc.NewReceiver(background(t), name, o)
				require.NoError(t, err)
				ctx := background(t)
				blocked := async(func() error { _, err := r.Recv(ctx); return err })
				lose(t, o)
				start := time.Now()
				gone(t, await(t, blocked))
				// Two heartbeats are the promise; soon allows for a busy machine.
				require.Less(t, time.Since(start), 2*beat+soon)
				_, err = r.TryRecv()
				gone(t, err)
				require.ErrorIs(t, err, ipc.ErrRemoved)
				_, err = r.Consume(ctx, 1, nil)
				gone(t, err)
				require.NoError(t, r.Close())
			})
		})
	}
}

func TestTryRecvReportsALostName(t *testing.T) {
	eachKind(t, &ipc.Options{Heartbeat: quick}, func(t *testing.T, o *ipc.Options) {
		r := newReceiver(t, o)
		requireEmpty(t, r)
		require.NoError(t, os.Remove(path(o)))
		var err error
		proctest.Eventually(t, "TryRecv returns the loss", func() bool {
			_, err = r.TryRecv()
			return kind(err) != "empty"
		})
		gone(t, err)
	})
}

func TestReceiverGoesOnUntilTheLastSenderOfALostChannelHasGone(t *testing.T) {
	for how, lose := range losses {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			eachKind(t, &ipc.Options{Heartbeat: quick}, func(t *testing.T, o *ipc.Options) {
				r := newReceiver(t, o)
				p := startSender(t, o)
				require.Equal(t, "ok", p.Ask("send before"))
				lose(t, o)
				recv(t, r, "before")
				requireEmpty(t, r)
				ctx := background(t)
				blocked := async(func() error {
					msg, err := r.Recv(ctx)
					require.Equal(t, "after", string(msg))
					return err
				})
				require.Equal(t, "ok", p.Ask("send after"))
				require.NoError(t, await(t, blocked))
				require.Equal(t, "ok", p.Ask("send left behind"))
				p.Kill()
				recv(t, r, "left behind")
				_, err := r.Recv(ctx)
				gone(t, err)
			})
		})
	}
}

// Messages sent before the name was lost are received first, from every sender.
func TestReceiverOfALostChannelDrainsIt(t *testing.T) {
	eachKind(t, &ipc.Options{Heartbeat: quick}, func(t *testing.T, o *ipc.Options) {
		s, err := ipc.NewSender(background(t), name, creating(o))
		require.NoError(t, err)
		send(t, s, "one", "two")
		require.NoError(t, s.Close())
		r := newReceiver(t, o)
		require.NoError(t, os.Remove(path(o)))
		recv(t, r, "one", "two")
		_, err = r.Recv(background(t))
		gone(t, err)
	})
}

// A name that is back before the receiver checks it does not count as lost.
func TestNameThatComesBackInTimeIsNotLost(t *testing.T) {
	o := in(t)
	o.KeepOpen, o.Heartbeat = true, slow
	r := newReceiver(t, o)
	require.NoError(t, os.Rename(path(o), path(o)+"-old"))
	require.NoError(t, os.Rename(path(o)+"-old", path(o)))
	requireEmpty(t, r)
	send(t, newSender(t, o), "connected")
	recv(t, r, "connected")
}

// Messages sent into a file without a name can never be received, unless a receiver
// is attached.
func TestSenderOfAChannelWithoutNameAndReceiverIsDisconnected(t *testing.T) {
	for what, durable := range map[string]bool{"durable": true, "never received": false} {
		t.Run(what, func(t *testing.T) {
			o := in(t)
			o.Durable, o.Heartbeat, o.Capacity, o.Spin = durable, quick, 4096, -1
			s := newSender(t, creating(o))
			fill(t, s, make([]byte, 100))
			ctx := background(t)
			blocked := async(func() error { return s.Send(ctx, make([]byte, 100)) })
			proctest.Parked(t, "(*Sender).Send", 1)
			require.NoError(t, os.Remove(path(o)))
			require.ErrorIs(t, await(t, blocked), ipc.ErrDisconnected)
			<-s.Done()
		})
	}
}

// A receiver may open the channel by its new name.
func TestSenderOfARenamedChannelGoesOn(t *testing.T) {
	o := in(t)
	o.Durable, o.Heartbeat = true, time.Millisecond
	s := newSender(t, creating(o))
	other := with(o, func(o *ipc.Options) { o.Heartbeat = slow })
	require.NoError(t, os.Rename(path(o), path(o)+"-new"))
	<-time.After(100 * time.Millisecond) // a hundred heartbeats: the sender must stay connected
	send(t, s, "by the new name")
	r, err := ipc.NewReceiver(background(t), name+"-new", other)
	require.NoError(t, err)
	recv(t, r, "by the new name")
	require.NoError(t, s.Close())
	require.NoError(t, r.Close())
	require.NoError(t, ipc.Remove(name+"-new", other))
}
