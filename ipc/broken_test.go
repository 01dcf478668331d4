package ipc_test

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// breakages are changes that another program may make to a channel's file or
// directory.
var breakages = map[string]func(t testing.TB, o *ipc.Options){
	"truncated to nothing":       func(_ testing.TB, o *ipc.Options) { _ = os.Truncate(path(o), 0) },
	"truncated within the ring":  func(_ testing.TB, o *ipc.Options) { _ = os.Truncate(path(o), ringAt) },
	"truncated within the slots": func(_ testing.TB, o *ipc.Options) { _ = os.Truncate(path(o), slotsAt) },
	"truncated and grown again": func(_ testing.TB, o *ipc.Options) {
		_ = os.Truncate(path(o), 0)
		_ = os.Truncate(path(o), 1<<20)
	},
	"grown":    func(_ testing.TB, o *ipc.Options) { _ = os.Truncate(path(o), 1<<20) },
	"unlinked": func(_ testing.TB, o *ipc.Options) { _ = os.Remove(path(o)) },
	"replaced by junk": func(t testing.TB, o *ipc.Options) {
		require.NoError(t, os.WriteFile(path(o)+".new", noise(1, 50_000), 0o600))
		require.NoError(t, os.Rename(path(o)+".new", path(o)))
	},
	"replaced by another channel": func(t testing.TB, o *ipc.Options) {
		if ipc.Create("other", o) == nil {
			require.NoError(t, os.Rename(filepath.Join(o.Dir, "other"), path(o)))
		}
	},
	"its directory removed": func(_ testing.TB, o *ipc.Options) {
		_ = os.RemoveAll(o.Dir)
	},
	"its directory renamed": func(_ testing.TB, o *ipc.Options) {
		if os.Rename(o.Dir, o.Dir+"-away") == nil {
			_ = os.RemoveAll(o.Dir + "-away")
		}
	},
}

// Four processes use the channel while its file is broken repeatedly.
func TestFileBrokenUnderLoadKillsNoProcess(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for what, breakIt := range breakages {
		t.Run(what, func(t *testing.T) {
			if strings.HasPrefix(what, "truncated") {
				requireGuard(t)
			}
			o := in(t)
			hostileOptions(o)
			victims := []*proctest.Proc{proctest.Start(t, "scribbled-receiver", encode(t, o))}
			for range 3 {
				victims = append(victims, proctest.Start(t, "scribbled-sender", encode(t, o)))
			}
			for _, v := range victims {
				v.Expect("ready")
			}
			for range 20 {
				time.Sleep(time.Duration(rnd.IntN(20)) * time.Millisecond)
				breakIt(t, o)
			}
			for _, v := range victims {
				v.Tell("rest")
			}
			for _, v := range victims {
				requireUnhurt(t, v)
			}
			require.NoError(t, os.MkdirAll(o.Dir, 0o700)) // for the test's cleanup
			require.NoError(t, os.RemoveAll(path(o)))
		})
	}
}

// Attached endpoints do not need the channel's name; only new ones do.
func TestChannelWorksAfterItsNameIsRemoved(t *testing.T) {
	for what, c := range map[string]struct {
		lose func(t testing.TB, o *ipc.Options)
		want error // of a new endpoint
	}{
		"unlinked":              {breakages["unlinked"], fs.ErrNotExist},
		"replaced":              {breakages["replaced by junk"], ipc.ErrIncompatible},
		"its directory removed": {breakages["its directory removed"], fs.ErrNotExist},
	} {
		t.Run(what, func(t *testing.T) {
			o := in(t)
			s, r := newPairOnce(t, o)
			send(t, s, "before")
			c.lose(t, o)
			send(t, s, "after")
			recv(t, r, "before", "after")
			clone, err := s.Clone()
			require.NoError(t, err)
			send(t, clone, "of a clone")
			recv(t, r, "of a clone")
			_, err = ipc.NewSender(background(t), name, o)
			require.ErrorIs(t, err, c.want)
			before, _ := os.ReadFile(path(o))
			require.NoError(t, clone.Close())
			require.NoError(t, s.Close())
			require.NoError(t, r.Close())
			after, _ := os.ReadFile(path(o))
			require.Equal(t, len(before), len(after), "Close removes only its own file")
			if what == "its directory removed" {
				require.NoDirExists(t, o.Dir, "Close does not create it again")
			}
			require.NoError(t, os.MkdirAll(o.Dir, 0o700))
			require.NoError(t, os.RemoveAll(path(o)))
		})
	}
}

// Bytes read in place may be zeroes if the file is truncated meanwhile. Intact reports
// the truncation before the receiver uses them, and Release releases nothing.
func TestIntactReportsATruncation(t *testing.T) {
	requireGuard(t)
	o := in(t)
	s, r := newPairOnce(t, o)
	send(t, s, "message")
	msg, err := r.Next(background(t))
	require.NoError(t, err)
	require.NoError(t, r.Intact())
	require.NoError(t, os.Truncate(path(o), 0))
	require.NotEqual(t, "message", string(msg))
	var corrupt *ipc.CorruptError
	require.ErrorAs(t, r.Intact(), &corrupt)
	require.Equal(t, "file size", corrupt.Field)
	require.ErrorAs(t, r.Release(), &corrupt)
	require.NoError(t, s.Close())
	_ = r.Close()
	require.ErrorIs(t, r.Intact(), ipc.ErrClosed)
	require.NoError(t, os.RemoveAll(path(o)))
}
