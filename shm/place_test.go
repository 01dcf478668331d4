package shm

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

// subdir makes a directory with exactly this mode, owned by uid.
func subdir(t *testing.T, mode fs.FileMode, uid int) string {
	t.Helper()
	dir := filepath.Join(proctest.Dir(t), "sub")
	require.NoError(t, os.Mkdir(dir, 0o700))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	if uid >= 0 {
		giveAway(t, dir, uid)
	}
	require.NoError(t, os.Chmod(dir, mode))
	return dir
}

// makeIn creates, publishes, opens and removes a segment.
func makeIn(p Place, mode uint32) error {
	s, err := Create(p, Config{Capacity: 1, Mode: mode})
	if err != nil {
		return err
	}
	if err := s.Publish(); err != nil {
		_ = s.Discard() // what failed says more
		return err
	}
	defer s.Close()
	o, err := Open(p)
	if err == nil {
		err = o.Close()
	}
	if removed := s.Unlink(time.Second); err == nil {
		err = removed
	}
	return err
}

func TestDirectoryMustBeSafe(t *testing.T) {
	const sticky = fs.ModeSticky
	for what, test := range map[string]struct {
		mode     fs.FileMode
		uid      int // -1: one's own
		sticky   bool
		fileMode uint32
		want     string // of the error
	}{
		"one's own":                                   {0o700, -1, false, 0o600, ""},
		"readable by all":                             {0o755, -1, false, 0o600, ""},
		"another's":                                   {0o700, 12345, false, 0o600, "belongs to user 12345"},
		"writable by all":                             {0o777, -1, false, 0o600, "any user may replace"},
		"writable by others alone":                    {0o702, -1, false, 0o600, "any user may replace"},
		"sticky, for a plain name":                    {0o777 | sticky, -1, false, 0o600, "any user may replace"},
		"sticky, for a path":                          {0o777 | sticky, -1, true, 0o600, ""},
		"writable by all, for a path":                 {0o777, -1, true, 0o600, "any user may replace"},
		"another's and sticky":                        {0o777 | sticky, 12345, true, 0o600, "belongs to user 12345"},
		"writable by the group, for a file of 0600":   {0o770, -1, false, 0o600, "its group may replace"},
		"writable by the group, for a file of 0640":   {0o770, -1, false, 0o640, "its group may replace"},
		"writable by the group, for a group's file":   {0o770, -1, false, 0o660, ""},
		"writable by the group, sticky, for a path":   {0o770 | sticky, -1, true, 0o600, ""},
		"writable by the group, sticky, a plain name": {0o770 | sticky, -1, false, 0o600, "its group may replace"},
	} {
		t.Run(what, func(t *testing.T) {
			p := Place{Dir: subdir(t, test.mode, test.uid), Base: "ch", Sticky: test.sticky}
			err := makeIn(p, test.fileMode)
			requireNames(t, p.Dir)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, fs.ErrPermission)
			require.ErrorContains(t, err, p.Dir)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestDirectoryThatBecameUnsafeIsRefusedByOpen(t *testing.T) {
	p := Place{Dir: subdir(t, 0o700, -1), Base: "ch"}
	s, err := Create(p, Config{Capacity: 1})
	require.NoError(t, err)
	require.NoError(t, s.Publish())
	defer s.Close()
	for mode, want := range map[fs.FileMode]string{0o777: "any user may replace", 0o770: "its group may replace"} {
		require.NoError(t, os.Chmod(p.Dir, mode))
		_, err := Open(p)
		require.ErrorIs(t, err, fs.ErrPermission)
		require.ErrorContains(t, err, want)
	}
	require.NoError(t, os.Chmod(p.Dir, 0o770))
	require.NoError(t, os.Chmod(p.Path(), 0o660))
	o, err := Open(p)
	require.NoError(t, err, "the group may write to it anyway")
	require.NoError(t, o.Close())
}

func TestLinksAreRefusedInEveryComponent(t *testing.T) {
	root := proctest.Dir(t)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "a/b/c"), 0o700))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(filepath.Join(root, "a"))) })
	require.NoError(t, makeIn(Place{Dir: filepath.Join(root, "a/b/c"), Base: "ch"}, 0))
	for link, dir := range map[string]string{
		"l1":    "l1/b/c",
		"a/l2":  "a/l2/c",
		"a/b/l": "a/b/l",
	} {
		t.Run(link, func(t *testing.T) {
			target := filepath.Join(root, "a/b/c")
			switch link {
			case "l1":
				target = filepath.Join(root, "a")
			case "a/l2":
				target = "b" // relative
			}
			require.NoError(t, os.Symlink(target, filepath.Join(root, link)))
			defer os.Remove(filepath.Join(root, link))
			_, err := os.Stat(filepath.Join(root, dir))
			require.NoError(t, err, "whoever follows links gets there")
			err = makeIn(Place{Dir: filepath.Join(root, dir), Base: "ch"}, 0)
			require.ErrorContains(t, err, "symbolic link")
			require.ErrorContains(t, err, dir)

			fd, err := walkNoLinks(filepath.Join(root, dir))
			require.Error(t, err)
			require.Equal(t, -1, fd)
		})
	}
	requireNames(t, filepath.Join(root, "a/b/c"))
}

func TestWalkingFindsTheSameDirectory(t *testing.T) {
	dir := subdir(t, 0o700, -1)
	for _, path := range []string{dir, dir + "/", filepath.Dir(dir) + "/./sub", "/", ".", ".."} {
		var found []uint64
		for _, open := range []func(string) (int, error){openNoLinks, walkNoLinks} {
			fd, err := open(path)
			require.NoError(t, err, path)
			var st unix.Stat_t
			require.NoError(t, unix.Fstat(fd, &st))
			require.NoError(t, unix.Close(fd))
			found = append(found, st.Ino)
		}
		require.Equal(t, found[0], found[1], path)
	}
	_, err := walkNoLinks(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestMissingDirectory(t *testing.T) {
	root := proctest.Dir(t)
	p := Place{Dir: filepath.Join(root, "x/y"), Base: "ch"}
	_, err := Create(p, Config{Capacity: 1})
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, p.Dir)
	_, err = Open(p)
	require.ErrorIs(t, err, fs.ErrNotExist)
	requireNames(t, root)

	p.Make = true
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(filepath.Join(root, "x"))) })
	require.NoError(t, makeIn(p, 0))
	info, err := os.Stat(p.Dir)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
}

func TestMadeDirectoryIs0700WhateverTheUmask(t *testing.T) {
	root := proctest.Dir(t)
	for _, umask := range []int{0, 0o022, 0o277, 0o777} {
		p := Place{Dir: filepath.Join(root, "made"), Base: "ch", Make: true}
		old := unix.Umask(umask)
		err := makeIn(p, 0)
		unix.Umask(old)
		require.NoError(t, err, "%#o", umask)
		info, err := os.Stat(p.Dir)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o700), info.Mode().Perm(), "%#o", umask)
		require.NoError(t, os.RemoveAll(p.Dir))
	}
}

func TestFileWhereADirectoryShouldBe(t *testing.T) {
	root := proctest.Dir(t)
	file := filepath.Join(root, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	t.Cleanup(func() { require.NoError(t, os.Remove(file)) })
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		_, err := Open(Place{Dir: dir, Base: "ch"})
		require.ErrorContains(t, err, "not a directory")
		require.ErrorContains(t, err, dir)
	}
}
