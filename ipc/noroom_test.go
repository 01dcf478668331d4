package ipc_test

import (
	"context"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// crowdedRole mounts a small tmpfs over the directory and reports the error of
// creating a channel that does not fit.
func crowdedRole(args []string) int {
	o := decode(args)
	if err := syscall.Mount("tmpfs", o.Dir, "tmpfs", 0, "size=256k,mode=700"); err != nil {
		proctest.Say("mount: %v", err)
		return 1
	}
	_, err := ipc.NewReceiver(context.Background(), name, o)
	proctest.Say("%v", err)
	left, err := os.ReadDir(o.Dir)
	proctest.Say("%d files, %v", len(left), err)
	o.Capacity = 4096
	r, err := ipc.NewReceiver(context.Background(), name, o)
	proctest.Say("%s", kind(err))
	if err == nil {
		_ = r.Close()
	}
	return 0
}

func TestNoRoomSaysHowMuchWasNeededWhereAndWhatToDo(t *testing.T) {
	o := in(t)
	o.Capacity = 1 << 20
	p := proctest.StartMounts(t, "crowded", encode(t, o))
	said := p.Line()
	if strings.HasPrefix(said, "mount: ") {
		t.Skip("cannot mount a tmpfs: " + said)
	}
	require.Contains(t, said, "no space left")
	require.Contains(t, said, o.Dir)
	require.Regexp(t, `\b1[01]\d{5}\b`, said, "slightly more than a mebibyte, in bytes")
	require.Regexp(t, "(?i)smaller|free|remount|another", said, "a remedy")
	p.Expect("0 files, <nil>")
	p.Expect("ok")
	require.Zero(t, p.Wait())
}

func TestRingOfAGibibyte(t *testing.T) {
	o := in(t)
	var fs syscall.Statfs_t
	require.NoError(t, syscall.Statfs(o.Dir, &fs))
	if free := int64(fs.Bavail) * int64(fs.Bsize); free < 3<<30 {
		t.Skipf("%s has %d bytes free, want 3 GiB", o.Dir, free)
	}
	o.Capacity = 1 << 30
	s, r := newPair(t, o)
	require.Equal(t, 1<<30, r.Stats().Capacity)
	require.Equal(t, 1<<29, s.MaxMessage())
	msg := noise(7, 3<<20)
	for range 4 {
		require.NoError(t, s.TrySend(msg))
	}
	for range 4 {
		got, err := r.Recv(background(t))
		require.NoError(t, err)
		require.True(t, string(msg) == string(got))
	}
}
