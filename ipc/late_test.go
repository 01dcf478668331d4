package ipc_test

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// fencing reports whether the receiver's and the senders' doorbells require
// publishers to fence.
func fencing(o *ipc.Options) (receivers, senders bool) { return fencingAt(o, name) }

// fencingAt is fencing for the channel called name.
func fencingAt(o *ipc.Options, name string) (receivers, senders bool) {
	raw, err := os.ReadFile(filepath.Join(o.Dir, name))
	if err != nil {
		panic(err)
	}
	flags := func(at int) bool { return binary.NativeEndian.Uint32(raw[controlAt+at:])&fenceBit != 0 }
	return flags(0x100), flags(0x180)
}

// refusedLaterRole registers for membarrier and then has it denied by a seccomp
// filter. It reports which doorbells require a fence: before the filter, after a
// receiver has slept, and after a sender has slept.
func refusedLaterRole(args []string) int {
	o := decode(args)
	s, r := attach(o)
	say := func() {
		receivers, senders := fencing(o)
		proctest.Say("receiver's doorbell %t, senders' %t", receivers, senders)
	}
	say()
	if err := proctest.Refuse("membarrier", uint32(unix.EPERM)); err != nil {
		proctest.Say("no filter: %v", err)
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), quick)
	defer cancel()
	_, err := r.Recv(ctx)
	say()
	for s.TrySend(make([]byte, 1000)) == nil {
	}
	ctx, cancel = context.WithTimeout(context.Background(), quick)
	defer cancel()
	full := s.Send(ctx, make([]byte, 1000))
	say()
	proctest.Say("%s, %s", kind(err), kind(full))
	_ = s.Close()
	_ = r.Close()
	return 0
}

// A seccomp filter may be installed after the process has registered.
func TestMembarrierRefusedLaterMakesPublishersFence(t *testing.T) {
	o := in(t)
	o.Capacity, o.Spin = 4096, -1
	p := proctest.Start(t, "refused-later", encode(t, o))
	if said := p.Line(); said != "receiver's doorbell false, senders' false" {
		t.Skip("membarrier is not available: ", said)
	}
	said := p.Line()
	if len(said) > 10 && said[:10] == "no filter:" {
		t.Skip(said)
	}
	require.Equal(t, "receiver's doorbell true, senders' false", said)
	p.Expect("receiver's doorbell true, senders' true")
	p.Expect("deadline, deadline")
	require.Zero(t, p.Wait())
}

// A new sender's process is watched at once: the heartbeat is too long to detect the
// death.
func TestDeathOfASenderThatCameWhileTheReceiverSleptIsNoticedAtOnce(t *testing.T) {
	o := in(t)
	o.Heartbeat, o.Spin = slow, -1
	r := newReceiver(t, o)
	ctx := background(t)
	got := async(func() error { _, err := r.Recv(ctx); return err })
	proctest.Parked(t, "(*Receiver).Recv", 1)
	p := startSender(t, o)
	died := time.Now()
	p.Kill()
	require.ErrorIs(t, await(t, got), ipc.ErrDisconnected)
	require.Less(t, time.Since(died), soon)
}
