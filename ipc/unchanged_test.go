package ipc_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// A failed operation changes nothing: a channel that could not be removed or replaced
// stays as it was, and other processes can use it.

// helplessRole runs as a user that may open a channel but not remove its name. It runs
// the commands that it reads and reports their errors.
func helplessRole(args []string) int {
	o := decode(args)
	ctx := context.Background()
	for line, ok := proctest.Hear(); ok; line, ok = proctest.Hear() {
		var err error
		switch line {
		case "remove":
			err = ipc.Remove(name, o)
		case "force":
			err = ipc.ForceRemove(name, o)
		case "create":
			err = ipc.Create(name, o)
		case "receive":
			var r *ipc.Receiver
			if r, err = ipc.NewReceiver(ctx, name, o); err == nil {
				err = r.Close()
			}
		case "send":
			var s *ipc.Sender
			if s, err = ipc.NewSender(ctx, name, creating(o)); err == nil {
				err = s.Close()
			}
		}
		proctest.Say("%s %s", kind(err), strings.ReplaceAll(errorText(err), "\n", "; "))
	}
	return 0
}

// shared returns options for a channel that every user may open but only root may
// remove.
func shared(t testing.TB) *ipc.Options {
	requireRoot(t)
	o := in(t)
	o.Mode = 0o666
	require.NoError(t, os.Chmod(o.Dir, 0o755))
	return o
}

func requireHelpless(t testing.TB, o *ipc.Options, verbs ...string) {
	t.Helper()
	p := proctest.StartAs(t, stranger, "helpless", encode(t, o))
	for _, verb := range verbs {
		require.Regexp(t, "^permission .*"+path(o), p.Ask(verb), verb)
	}
	p.Kill()
}

func TestRemoveThatFailsLeavesAChannelInUseAsItWas(t *testing.T) {
	for what, durable := range map[string]bool{"durable": true, "not durable": false} {
		t.Run(what, func(t *testing.T) {
			o := shared(t)
			o.Durable = durable
			if durable {
				t.Cleanup(func() { remove(t, o) })
			}
			s, r := newPair(t, o)
			send(t, s, "before")
			requireHelpless(t, o, "force")
			recv(t, r, "before")
			send(t, s, "after")
			recv(t, r, "after")
			send(t, newSender(t, o), "newcomer")
			recv(t, r, "newcomer")
		})
	}
}

func TestRemoveThatFailsLeavesUnreadMessages(t *testing.T) {
	for what, durable := range map[string]bool{"durable": true, "never received": false} {
		t.Run(what, func(t *testing.T) {
			o := shared(t)
			o.Durable = durable
			if durable {
				t.Cleanup(func() { remove(t, o) })
			}
			s, err := ipc.NewSender(background(t), name, creating(o))
			require.NoError(t, err)
			send(t, s, "unread")
			require.NoError(t, s.Close())
			requireHelpless(t, o, "remove", "force", "remove")
			stats, err := ipc.Inspect(name, o)
			require.NoError(t, err)
			require.False(t, stats.Dead)
			send(t, newSender(t, o), "and more")
			r := newReceiver(t, o)
			recv(t, r, "unread", "and more")
		})
	}
}

func TestReplacementThatFailsLeavesTheDeadChannel(t *testing.T) {
	o := shared(t)
	p := startReceiver(t, o)
	old := newSender(t, o)
	send(t, old, "for the dead")
	p.Kill()
	requireHelpless(t, o, "receive", "send", "create", "force")
	stats, err := ipc.Inspect(name, o)
	require.NoError(t, err)
	require.True(t, stats.Dead)
	requirePeek(t, o, "for the dead")
	r := newReceiver(t, o) // root may replace it
	requireEmpty(t, r)
}

func requirePeek(t testing.TB, o *ipc.Options, want ...string) {
	t.Helper()
	var got []string
	for m, err := range ipc.Peek(name, o) {
		require.NoError(t, err)
		got = append(got, string(m.Data))
	}
	require.Equal(t, want, got)
}

// Close detaches the receiver, and returns an error because the file remains.
func TestCloseThatCantRemoveTheFileSaysSo(t *testing.T) {
	o := shared(t)
	require.NoError(t, ipc.Create(name, o))
	p := proctest.StartAs(t, stranger, "helpless", encode(t, o))
	require.Regexp(t, "^permission .*the channel is closed, but its file could not be removed: .*"+path(o), p.Ask("receive"))
	stats, err := ipc.Inspect(name, o)
	require.NoError(t, err)
	require.True(t, stats.Dead)
	s, r := newPair(t, o)
	send(t, s, "another life")
	recv(t, r, "another life")
}

func TestRemoverThatIsBlockedLeavesTheChannelUsable(t *testing.T) {
	o := in(t)
	o.Durable, o.Heartbeat = true, quick
	s := newSender(t, creating(o))
	send(t, s, "unread")
	f, err := os.OpenFile(path(o), os.O_RDWR, 0)
	require.NoError(t, err)
	// The remover's byte follows those of the receiver and 256 senders.
	require.NoError(t, unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: 257, Len: 1}))
	require.ErrorIs(t, ipc.ForceRemove(name, o), ipc.ErrBusy)
	r := newReceiver(t, o)
	recv(t, r, "unread")
	send(t, s, "more")
	recv(t, r, "more")
	require.NoError(t, s.Close())
	require.NoError(t, r.Close())
	require.ErrorIs(t, ipc.Remove(name, o), ipc.ErrBusy)
	require.NoError(t, f.Close())
	requireNotDead(t, o)
	remove(t, o)
}

func requireNotDead(t testing.TB, o *ipc.Options) {
	t.Helper()
	stats, err := ipc.Inspect(name, o)
	require.NoError(t, err)
	require.False(t, stats.Dead)
}

// crampedRole replaces dead channels on a file system without room for two, and reports
// the results.
func crampedRole(args []string) int {
	o := decode(args)
	if err := mountTmpfs(o.Dir, 0, "size=400k,mode=700"); err != nil {
		proctest.Say("not here: %v", err)
		return 0
	}
	ctx := context.Background()
	s, err := ipc.NewSender(ctx, name, creating(o))
	must(errorsOf(err, s.Send(ctx, []byte("unread")), s.Close(), os.WriteFile(path(o)+"-full", make([]byte, 100<<10), 0o600)))
	kill := func() { // makes the channel look as if its receiver had been killed
		f, err := os.OpenFile(path(o), os.O_RDWR, 0)
		must(err)
		_, err = f.WriteAt([]byte{1}, controlAt+0x210) // receiver attachments
		must(errorsOf(err, f.Close()))
	}
	kill()
	_, err = ipc.NewReceiver(ctx, name, with(o, func(o *ipc.Options) { o.Capacity *= 2 }))
	proctest.Say("larger: %v", errors.Is(err, syscall.ENOSPC))
	stats, err := ipc.Inspect(name, o)
	must(err)
	proctest.Say("dead: %v, messages: %d", stats.Dead, stats.Messages)
	r, err := ipc.NewReceiver(ctx, name, o)
	must(err)
	proctest.Say("as large: %s", kind(r.Close()))
	return 0
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func TestDeadChannelStaysWhereItsReplacementHasNoRoom(t *testing.T) {
	o := in(t)
	o.Capacity = 128 << 10
	p := proctest.StartMounts(t, "cramped", encode(t, o))
	said := p.Line()
	if strings.HasPrefix(said, "not here: ") {
		t.Skip(said)
	}
	require.Equal(t, "larger: true", said)
	p.Expect("dead: true, messages: 1")
	p.Expect("as large: ok")
	require.Zero(t, p.Wait())
}

// A typed endpoint that fails to attach must not record its layout in the channel.
func TestEndpointThatFailedHasNotMarkedTheChannel(t *testing.T) {
	o := in(t)
	o.Capacity = 4096
	s := newSender(t, creating(o))
	send(t, s, string(make([]byte, 8)))
	f, err := os.OpenFile(path(o), os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	tail := make([]byte, 8)
	_, err = f.ReadAt(tail, controlAt)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte{1, 1, 1, 1, 1, 1, 1, 1}, controlAt)
	require.NoError(t, err)
	_, err = ipc.NewReceiverOf(background(t), name, ipc.Fixed[int64](), o)
	var corrupt *ipc.CorruptError
	require.ErrorAs(t, err, &corrupt)
	_, err = f.WriteAt(tail, controlAt)
	require.NoError(t, err)

	r, err := ipc.NewReceiverOf(background(t), name, ipc.Fixed[[2]uint32](), o)
	require.NoError(t, err)
	_, err = r.Recv(background(t))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, r.Close())
}

// On a read-only mount ForceRemove fails before it changes anything: endpoints that are
// already attached go on.
func TestRemoveOnAReadOnlyMountChangesNothing(t *testing.T) {
	p := proctest.StartMounts(t, "remounted", encode(t, in(t)))
	said := p.Line()
	if strings.HasPrefix(said, "not here: ") {
		t.Skip(said)
	}
	require.Contains(t, said, syscall.EROFS.Error())
	p.Expect("ok")
	require.Contains(t, p.Line(), "its file could not be removed")
	require.Zero(t, p.Wait())
}

// remountedRole has both endpoints open when its directory is covered by a read-only
// mount of itself.
func remountedRole(args []string) int {
	o := decode(args)
	if err := mountTmpfs(o.Dir, 0, "mode=700"); err != nil {
		proctest.Say("not here: %v", err)
		return 0
	}
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, name, o)
	must(err)
	s, err := ipc.NewSender(ctx, name, o)
	must(err)
	must(unix.Mount(o.Dir, o.Dir, "", unix.MS_BIND, ""))
	must(unix.Mount("", o.Dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
	proctest.Say("%s", errorText(ipc.ForceRemove(name, o)))
	err = s.Send(ctx, []byte("on"))
	if err == nil {
		_, err = r.Recv(ctx)
	}
	proctest.Say("%s", errorText(err))
	must(s.Close())
	err = r.Close()
	if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EROFS) {
		panic(err)
	}
	proctest.Say("%s", strings.ReplaceAll(errorText(err), "\n", "; "))
	return 0
}

// NewReceiverOf compares the layouts before recovery changes anything in the channel.
func TestReceiverOfAnotherLayoutKeepsAbortedClaims(t *testing.T) {
	o := in(t)
	o.Durable = true
	t.Cleanup(func() { remove(t, o) })
	typed, err := ipc.NewSenderOf(background(t), name, ipc.Fixed[uint64](), creating(o))
	require.NoError(t, err)
	require.NoError(t, typed.Close())
	s, err := ipc.NewSender(background(t), name, o)
	require.NoError(t, err)
	c, err := s.Claim(background(t), 100)
	require.NoError(t, err)
	require.NoError(t, c.Abort())
	require.NoError(t, s.Close())
	before, err := ipc.Inspect(name, o)
	require.NoError(t, err)
	_, err = ipc.NewReceiverOf(background(t), name, ipc.Fixed[[3]uint16](), o)
	require.ErrorIs(t, err, ipc.ErrIncompatible)
	after, err := ipc.Inspect(name, o)
	require.NoError(t, err)
	require.Equal(t, before, after)
}
