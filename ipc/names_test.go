package ipc_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// makes checks that a channel of this name can be created, joined and closed, and
// returns its path.
func makes(t testing.TB, name string, o *ipc.Options) string {
	t.Helper()
	r, err := ipc.NewReceiver(background(t), name, o)
	require.NoError(t, err)
	s, err := ipc.NewSender(background(t), name, o)
	require.NoError(t, err)
	at := r.Stats().Path
	require.FileExists(t, at)
	require.NoError(t, s.Close())
	require.NoError(t, r.Close())
	require.NoFileExists(t, at)
	return at
}

func TestNamesThatAreTaken(t *testing.T) {
	o := in(t)
	for _, n := range []string{
		"a", "with space", "ünïcode", "a.b", "-", "_", "UPPER", "a\\b", "line\nfeed", "trailing.",
		strings.Repeat("n", 200),
	} {
		require.Equal(t, filepath.Join(o.Dir, n), makes(t, n, o))
	}
}

func TestNamesThatAreRefused(t *testing.T) {
	o := in(t)
	for _, n := range []string{"", ".", "..", ".hidden", "nul\x00byte", strings.Repeat("n", 201), "p/nul\x00byte"} {
		t.Run(fmt.Sprintf("%.10q", n), func(t *testing.T) {
			_, err := ipc.NewReceiver(background(t), n, o)
			require.ErrorIs(t, err, fs.ErrInvalid)
			_, err = ipc.NewSender(background(t), n, o)
			require.ErrorIs(t, err, fs.ErrInvalid)
			_, err = ipc.NewSender(background(t), n, creating(o))
			require.ErrorIs(t, err, fs.ErrInvalid)
			_, err = ipc.Inspect(n, o)
			require.ErrorIs(t, err, fs.ErrInvalid)
			require.ErrorIs(t, ipc.Remove(n, o), fs.ErrInvalid)
		})
	}
}

func TestNameWithASlashIsAPath(t *testing.T) {
	dir := proctest.Dir(t)
	at := filepath.Join(dir, ".any name")
	require.Equal(t, at, makes(t, at, &ipc.Options{Dir: "/nowhere/at/all"}))

	t.Chdir(dir)
	require.Equal(t, "here", filepath.Base(makes(t, "./here", nil)))
}

func TestDirectoryFromTheEnvironment(t *testing.T) {
	dir := proctest.Dir(t)
	t.Setenv("SHMCHAN_DIR", dir)
	require.Equal(t, filepath.Join(dir, name), makes(t, name, nil))
	other := in(t)
	require.Equal(t, path(other), makes(t, name, other), "Options.Dir takes precedence")
}

func TestDefaultDirectoryIsTheUsersOwn(t *testing.T) {
	t.Setenv("SHMCHAN_DIR", "")
	unique := fmt.Sprintf("test-%d", os.Getpid())
	want := fmt.Sprintf("/dev/shm/shmchan-%d", os.Geteuid())
	require.Equal(t, filepath.Join(want, unique), makes(t, unique, nil))
	requireMode(t, want, fs.ModeDir|0o700)
}

func requireMode(t testing.TB, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	require.NoError(t, err)
	require.Equal(t, want, info.Mode(), "%s", path)
}

// umask sets the process's umask while the test runs.
func umask(t testing.TB, mask int) {
	old := syscall.Umask(mask)
	t.Cleanup(func() { syscall.Umask(old) })
}

func TestMissingDirectoryIsMadePrivate(t *testing.T) {
	parent := proctest.Dir(t)
	umask(t, 0)
	o := &ipc.Options{Dir: filepath.Join(parent, "made")}
	makes(t, name, o)
	requireMode(t, o.Dir, fs.ModeDir|0o700)
	require.NoError(t, os.Remove(o.Dir))
}

func TestModeIsExactWhateverTheUmask(t *testing.T) {
	for _, mask := range []int{0, 0o022, 0o077, 0o777} {
		for _, mode := range []fs.FileMode{0, 0o600, 0o640, 0o660, 0o666, 0o644} {
			o := in(t)
			o.Mode = mode
			old := syscall.Umask(mask)
			r, err := ipc.NewReceiver(background(t), name, o)
			syscall.Umask(old)
			require.NoError(t, err)
			want := mode
			if mode == 0 {
				want = 0o600
			}
			requireMode(t, path(o), want)
			require.NoError(t, r.Close())
		}
	}
}
