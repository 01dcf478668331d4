package shm

import (
	"io/fs"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

func TestOpenTakesOnlyARegularFileThatIsNoLink(t *testing.T) {
	for what, test := range map[string]struct {
		put  func(t *testing.T, path, channel string)
		want error
		text string
	}{
		"missing":       {func(*testing.T, string, string) {}, fs.ErrNotExist, "ch"},
		"a directory":   {func(t *testing.T, path, _ string) { require.NoError(t, os.Mkdir(path, 0o700)) }, ErrIncompatible, "not a regular file"},
		"a FIFO":        {func(t *testing.T, path, _ string) { require.NoError(t, unix.Mkfifo(path, 0o600)) }, ErrIncompatible, "not a regular file"},
		"a socket":      {listen, ErrIncompatible, "not a regular file"},
		"a device":      {device, ErrIncompatible, "not a regular file"},
		"a symlink":     {func(t *testing.T, path, channel string) { require.NoError(t, os.Symlink(channel, path)) }, ErrIncompatible, "symbolic link"},
		"a dead link":   {func(t *testing.T, path, _ string) { require.NoError(t, os.Symlink("nowhere", path)) }, ErrIncompatible, "symbolic link"},
		"another's":     {foreign, fs.ErrPermission, "belongs to user 12345"},
		"not a channel": {func(t *testing.T, path, _ string) { require.NoError(t, os.WriteFile(path, []byte("hello"), 0o600)) }, ErrIncompatible, "file size"},
	} {
		t.Run(what, func(t *testing.T) {
			channel := publish(t, placeIn(t), Config{Capacity: 1})
			p := placeIn(t)
			t.Cleanup(func() { _ = os.RemoveAll(p.Path()) }) // it may not be there
			test.put(t, p.Path(), channel.Path())
			for _, open := range []func(Place) (*Segment, error){Open, OpenReadOnly} {
				_, err := open(p)
				require.ErrorIs(t, err, test.want)
				require.ErrorContains(t, err, p.Path())
				require.ErrorContains(t, err, test.text)
			}
		})
	}
}

func listen(t *testing.T, path, _ string) {
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
}

func device(t *testing.T, path, _ string) {
	requireRoot(t)
	const null = 1<<8 | 3
	if err := unix.Mknod(path, unix.S_IFCHR|0o600, null); err != nil {
		t.Skipf("no devices can be made here: %v", err)
	}
}

// foreign copies the channel and gives the copy to another user.
func foreign(t *testing.T, path, channel string) {
	content, err := os.ReadFile(channel)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	giveAway(t, path, 12345)
}

func giveAway(t testing.TB, path string, uid int) {
	t.Helper()
	requireRoot(t)
	if err := os.Chown(path, uid, -1); err != nil {
		t.Skipf("nothing can be given to others here: %v", err) // as in a user namespace
	}
}

func requireRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make what belongs to somebody else")
	}
}

func TestNameCheckNoticesThatTheFileWasReplaced(t *testing.T) {
	p := placeIn(t)
	p.Make = true
	s := publish(t, p, Config{Capacity: 1})
	o := openAt(t, p)
	requireNamed := func(want bool) {
		t.Helper()
		for _, e := range []*Segment{s, o} {
			named, err := e.StillNamed()
			require.NoError(t, err)
			require.Equal(t, want, named)
		}
	}
	requireNamed(true)
	require.NoError(t, os.Rename(p.Path(), p.Path()+"2"))
	requireNamed(false)
	other := publish(t, p, Config{Capacity: 1})
	requireNamed(false)
	require.NoError(t, o.Unlink(time.Second))
	requireNames(t, p.Dir, "ch", "ch2") // the other one's name is not taken
	require.NoError(t, other.Unlink(time.Second))
	require.NoError(t, os.Symlink(p.Path()+"2", p.Path()))
	requireNamed(false)
	require.NoError(t, os.Rename(p.Path()+"2", p.Path()))
	requireNamed(true)

	require.NoError(t, s.Unlink(time.Second))
	requireNamed(false)
	require.NoError(t, os.Remove(p.Dir))
	requireNamed(false)
	require.NoError(t, o.Unlink(time.Second), "gone already")
	require.NoDirExists(t, p.Dir, "a check makes nothing")
	require.NoError(t, os.Mkdir(p.Dir, 0o700)) // for the directory's own cleanup
}

func TestOneRemoverAtATime(t *testing.T) {
	p := placeIn(t)
	s := publish(t, p, Config{Capacity: 1})
	o := openAt(t, p)
	require.NoError(t, o.lockRemover(0))
	start := time.Now()
	err := s.Unlink(20 * time.Millisecond)
	require.ErrorIs(t, err, ErrBusy)
	require.ErrorContains(t, err, p.Path())
	require.GreaterOrEqual(t, time.Since(start), 20*time.Millisecond)
	requireNames(t, p.Dir, "ch")

	done := make(chan error, 1)
	go func() { done <- s.Unlink(proctest.Patience) }()
	require.NoError(t, o.unlock(o.removerByte()))
	require.NoError(t, <-done)
	requireNames(t, p.Dir)
}

func TestCloneSharesTheMappingAndHasLocksOfItsOwn(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1, MaxSenders: 2})
	c := reopen(t, s) // before it has a name
	c2 := reopen(t, c)
	require.Same(t, &s.Ring().data[0], &c2.Ring().data[0])
	requireLock(t, s, true)
	requireLock(t, c, false)
	require.NoError(t, s.Close()) // the mapping stays while a clone uses it
	put(t, c.Ring().NewProducer(0, true), "a")
	require.NoError(t, c.Close())
	take(t, newConsumer(t, c2.Ring()), "a")
}

func TestClosedSegmentGivesItsLocksBackWhileACloneUsesTheMapping(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1, MaxSenders: 2})
	c := reopen(t, s)
	requireLock(t, s, true)
	attach(t, s, 1)
	require.NoError(t, s.lockRemover(0))
	require.NoError(t, s.Close())
	requireLock(t, c, true)
	requireAlive(t, c, 0, false)
	require.NoError(t, c.lockRemover(0))
}

// requireLock takes the receiver's lock, or checks that another open holds it.
func requireLock(t testing.TB, s *Segment, want bool) {
	t.Helper()
	ok, err := s.LockReceiver()
	require.NoError(t, err)
	require.Equal(t, want, ok)
}

func TestReadOnlySegmentShowsEverything(t *testing.T) {
	p := placeIn(t)
	s := publish(t, p, Config{Capacity: 1, MaxSenders: 2})
	e := reopen(t, s)
	attach(t, e, 42)
	put(t, e.Ring().NewProducer(0, true), "abc")
	claim(t, e.Ring().NewProducer(0, true), 9)
	require.NoError(t, os.Chmod(p.Path(), 0o400))

	ro, err := OpenReadOnly(p)
	require.NoError(t, err)
	defer ro.Close()
	require.EqualValues(t, 1, ro.Counters().Sent)
	require.Equal(t, 42, ro.SenderEndpoint(0).Owner().Process.PID)
	requireAlive(t, ro, 0, true)
	require.Equal(t, s.Ring().Tail(), ro.Ring().Tail())
	_, claiming := ro.SenderEndpoint(0).Claiming()
	require.True(t, claiming)
	require.Equal(t, "abc", string(ro.Ring().data[RecordHeader:][:3]))
}

func TestListLeavesOutWhatBeginsWithADot(t *testing.T) {
	p := placeIn(t)
	for _, name := range []string{"b", ".hidden", "a"} {
		require.NoError(t, os.WriteFile(p.Dir+"/"+name, nil, 0o600))
		t.Cleanup(func() { require.NoError(t, os.Remove(p.Dir+"/"+name)) })
	}
	names, err := p.List()
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"a", "b"}, names)
	_, err = Place{Dir: p.Dir + "/none"}.List()
	require.ErrorIs(t, err, fs.ErrNotExist)
}
