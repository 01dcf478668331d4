package shm

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/filelock"
	"github.com/shmchan/shmchan/internal/test/proctest"
)

func TestLossOfTheNameIsSeen(t *testing.T) {
	for what, c := range map[string]struct {
		do           func(t *testing.T, p Place)
		linked, lost bool
	}{
		"nothing":           {func(*testing.T, Place) {}, true, false},
		"removed":           {func(t *testing.T, p Place) { require.NoError(t, os.Remove(p.Path())) }, false, true},
		"directory removed": {func(t *testing.T, p Place) { require.NoError(t, os.RemoveAll(p.Dir)) }, false, true},
		"renamed over": {func(t *testing.T, p Place) {
			require.NoError(t, os.WriteFile(p.Path()+"2", nil, 0o600))
			require.NoError(t, os.Rename(p.Path()+"2", p.Path()))
		}, false, true},
		"renamed":           {func(t *testing.T, p Place) { require.NoError(t, os.Rename(p.Path(), p.Path()+"2")) }, true, true},
		"directory renamed": {func(t *testing.T, p Place) { require.NoError(t, os.Rename(p.Dir, p.Dir+"2")) }, true, true},
		"a file in the directory's place": {func(t *testing.T, p Place) {
			require.NoError(t, os.Rename(p.Dir, p.Dir+"2"))
			require.NoError(t, os.WriteFile(p.Dir, nil, 0o600))
		}, true, true},
		"removed and made again": {func(t *testing.T, p Place) {
			require.NoError(t, os.Remove(p.Path()))
			publish(t, p, Config{Capacity: 1})
		}, false, true},
		"linked twice, removed once": {func(t *testing.T, p Place) {
			require.NoError(t, os.Link(p.Path(), p.Path()+"2"))
			require.NoError(t, os.Remove(p.Path()))
		}, true, true},
	} {
		t.Run(what, func(t *testing.T) {
			p := Place{Dir: filepath.Join(proctest.Dir(t), "d"), Base: "ch", Make: true}
			t.Cleanup(func() { require.NoError(t, os.RemoveAll(p.Dir)); require.NoError(t, os.RemoveAll(p.Dir+"2")) })
			s := publish(t, p, Config{Capacity: 1})
			c.do(t, p)
			st, err := s.FileState()
			require.NoError(t, err)
			require.Equal(t, c.linked, st.Linked)
			require.Equal(t, c.lost, s.NameLost())
		})
	}
}

// A name that can't be looked up is not taken for lost: see NameLost.
func TestNameThatCantBeLookedForIsNotLost(t *testing.T) {
	s := publish(t, placeIn(t), Config{Capacity: 1})
	s.place.Base = string(make([]byte, 300)) // an error that is not "no such file"
	require.False(t, s.NameLost())
	s.place.Base = "another"
	require.True(t, s.NameLost())
	s.root.ino++
	require.False(t, s.NameLost(), "the process has changed its root")
	s.place.Base = "ch"
}

func TestAgeIsThatOfTheOlderTime(t *testing.T) {
	p := placeIn(t)
	s := publish(t, p, Config{Capacity: 1})
	old := time.Now().Add(-100 * time.Hour)
	for _, times := range [][2]time.Time{{old, time.Now()}, {time.Now(), old}, {old, old}} {
		require.NoError(t, os.Chtimes(p.Path(), times[0], times[1]))
		st, err := s.FileState()
		require.NoError(t, err)
		require.InDelta(t, 100, st.Age.Hours(), 1)
		require.NoError(t, s.Refresh())
		st, err = s.FileState()
		require.NoError(t, err)
		require.Less(t, st.Age, time.Minute)
	}
}

// Whatever makes a removal fail, the channel is unchanged.
func TestRemovalThatFailsChangesNothing(t *testing.T) {
	for what, hinder := range map[string]func(t *testing.T, s *Segment){
		"another remover": func(t *testing.T, s *Segment) {
			other := reopen(t, s)
			ok, err := filelock.TryLock(other.fd, other.removerByte(), 1)
			require.NoError(t, err)
			require.True(t, ok)
		},
		"a directory that is not to be trusted": func(t *testing.T, s *Segment) {
			require.NoError(t, os.Chmod(s.place.Dir, 0o777))
			t.Cleanup(func() { require.NoError(t, os.Chmod(s.place.Dir, 0o700)) })
		},
		"an immutable directory": func(t *testing.T, s *Segment) {
			d, err := os.Open(s.place.Dir)
			require.NoError(t, err)
			defer d.Close()
			const immutable = 0x10
			if err := unix.IoctlSetPointerInt(int(d.Fd()), unix.FS_IOC_SETFLAGS, immutable); err != nil {
				t.Skip("this directory can't be made immutable:", err)
			}
			t.Cleanup(func() {
				d, err := os.Open(s.place.Dir)
				require.NoError(t, err)
				defer d.Close()
				require.NoError(t, unix.IoctlSetPointerInt(int(d.Fd()), unix.FS_IOC_SETFLAGS, 0))
			})
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := publish(t, placeIn(t), Config{Capacity: 1, Durable: true})
			p, c := ends(t, s.Ring())
			put(t, p[0], "unread")
			hinder(t, s)
			require.Error(t, s.Remove(5*time.Millisecond))
			require.False(t, s.Ring().Closed())
			take(t, c, "unread")
			require.False(t, s.NameLost())
		})
	}
}

func TestRemoveClosesOnlyWhatNobodyCanOpen(t *testing.T) {
	for what, c := range map[string]struct {
		before func(t *testing.T, p Place) error
		closed bool
	}{
		"removed":                         {func(*testing.T, Place) error { return nil }, true},
		"removed by another one":          {func(_ *testing.T, p Place) error { return os.Remove(p.Path()) }, true},
		"renamed, perhaps in use there":   {func(_ *testing.T, p Place) error { return os.Rename(p.Path(), p.Path()+"2") }, false},
		"its directory removed":           {func(_ *testing.T, p Place) error { return os.RemoveAll(p.Dir) }, true},
		"its directory renamed, the same": {func(_ *testing.T, p Place) error { return os.Rename(p.Dir, p.Dir+"2") }, false},
	} {
		t.Run(what, func(t *testing.T) {
			p := Place{Dir: filepath.Join(proctest.Dir(t), "d"), Base: "ch", Make: true}
			t.Cleanup(func() { require.NoError(t, os.RemoveAll(p.Dir)); require.NoError(t, os.RemoveAll(p.Dir+"2")) })
			s := publish(t, p, Config{Capacity: 1})
			require.NoError(t, c.before(t, p))
			require.NoError(t, s.Remove(time.Second))
			require.Equal(t, c.closed, s.Ring().Closed())
		})
	}
}

// A sender that finds that it must not attach leaves no trace.
func TestSlotThatIsOnlyLockedCountsForNothing(t *testing.T) {
	s := publish(t, placeIn(t), Config{Capacity: 1, MaxSenders: 2})
	requireLock(t, s, true)
	s.AttachReceiver(Owner{}, time.Second)
	changes := s.Changes()
	c := reopen(t, s)
	slot, err := c.LockSender()
	require.NoError(t, err)
	attached, err := s.AnySenderAttached()
	require.NoError(t, err)
	require.False(t, attached)
	alive, err := s.AnySenderAlive()
	require.NoError(t, err)
	require.True(t, alive, "its lock keeps removers away")
	require.NoError(t, c.UnlockSender(slot))
	require.False(t, s.SendersSince())
	require.Equal(t, changes, s.Changes())

	slot, err = c.LockSender()
	require.NoError(t, err)
	c.OccupySender(slot, Owner{}, time.Second)
	attached, err = s.AnySenderAttached()
	require.NoError(t, err)
	require.True(t, attached)
	require.True(t, s.SendersSince())
	die(t, c)
	attached, err = s.AnySenderAttached()
	require.NoError(t, err)
	require.False(t, attached, "killed")
}
