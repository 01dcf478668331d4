package ipc_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// containerRole is a process that sees another boot id, as in a container. For each
// command it reads, it attaches to or peeks at the channel and reports the result.
func containerRole(args []string) int {
	o := decode(args)
	id, err := os.CreateTemp("", "boot_id")
	must(err)
	_, err = id.WriteString("01234567-89ab-cdef-0123-456789abcdef\n")
	err = errors.Join(err, id.Close(),
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount(id.Name(), "/proc/sys/kernel/random/boot_id", "", unix.MS_BIND, ""),
		os.Remove(id.Name()))
	if err != nil {
		proctest.Say("not here: %v", err)
		return 0
	}
	ctx := context.Background()
	proctest.Say("ready")
	for line, ok := proctest.Hear(); ok; line, ok = proctest.Hear() {
		var err error
		switch line {
		case "send":
			var s *ipc.Sender
			if s, err = ipc.NewSender(ctx, name, o); err == nil {
				err = errorsOf(s.Send(ctx, []byte("from a container")), s.Close())
			}
		case "receive":
			var r *ipc.Receiver
			if r, err = ipc.NewReceiver(ctx, name, o); err == nil {
				_, err = r.Recv(ctx)
				err = errorsOf(err, r.Close())
			}
		case "peek":
			for _, err = range ipc.Peek(name, o) {
			}
		}
		proctest.Say("%s", kind(err))
	}
	return 0
}

func startContainer(t testing.TB, o *ipc.Options) *proctest.Proc {
	t.Helper()
	p := proctest.StartMounts(t, "container", encode(t, o))
	if said := p.Line(); said != "ready" {
		t.Skip(said)
	}
	return p
}

func onDisk(t testing.TB) *ipc.Options { return &ipc.Options{Dir: proctest.DiskDir(t)} }

func TestContainerWithABootIDOfItsOwnSharesALiveChannel(t *testing.T) {
	for where, dir := range map[string]func(testing.TB) *ipc.Options{"in memory": in, "on a disk": onDisk} {
		t.Run(where, func(t *testing.T) {
			o := dir(t)
			o.Durable = true
			r := newReceiver(t, o)
			p := startContainer(t, o)
			require.Equal(t, "ok", p.Ask("send"))
			recv(t, r, "from a container")
			require.Equal(t, "busy", p.Ask("receive"))

			s := newSender(t, o)
			send(t, s, "to a container")
			require.Equal(t, "ok", p.Ask("peek"))
			require.NoError(t, r.Close())
			require.Equal(t, "ok", p.Ask("receive"), "a sender keeps the channel open")
			require.NoError(t, s.Close())
			remove(t, o)
		})
	}
}

func TestUnheldChannelOfAnotherBootIsRefusedOnDiskOnly(t *testing.T) {
	for where, c := range map[string]struct {
		dir  func(testing.TB) *ipc.Options
		want string
	}{"in memory": {in, "ok"}, "on a disk": {onDisk, "incompatible"}} {
		t.Run(where, func(t *testing.T) {
			o := c.dir(t)
			o.Durable = true
			s, err := ipc.NewSender(background(t), name, creating(o))
			require.NoError(t, err)
			send(t, s, "one", "two")
			require.NoError(t, s.Close())
			p := startContainer(t, o)
			for _, verb := range []string{"peek", "send", "receive", "send"} {
				require.Equal(t, c.want, p.Ask("%s", verb), verb)
			}
			if c.want != "ok" { // its creator can still open it
				r, err := ipc.NewReceiver(background(t), name, o)
				require.NoError(t, err)
				recv(t, r, "one", "two")
				require.NoError(t, r.Close())
			}
			remove(t, o)
		})
	}
}

func TestChannelOfAnotherBootIsRefusedAndCanBeRemoved(t *testing.T) {
	o := onDisk(t)
	o.Durable = true
	s := newSender(t, creating(o))
	send(t, s, "before the reboot")
	require.NoError(t, s.Close())
	rewriteHeader(t, o, func(h []byte) { h[0x50] ^= 0xff })
	for _, open := range []func() error{
		func() error { _, err := ipc.NewReceiver(background(t), name, o); return err },
		func() error { _, err := ipc.NewSender(background(t), name, o); return err },
		func() error { _, err := ipc.NewSender(background(t), name, creating(o)); return err },
	} {
		err := open()
		require.ErrorIs(t, err, ipc.ErrIncompatible)
		require.ErrorContains(t, err, "boot")
		require.False(t, strings.Contains(err.Error(), "remove"), "the error suggests removing a channel that may hold messages: %v", err)
	}
	stats, err := ipc.Inspect(name, o)
	require.NoError(t, err)
	require.Equal(t, uint64(1), stats.Messages)
	remove(t, o)
}
