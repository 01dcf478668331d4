package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// placedRole mounts what args[0] names on the directory args[1], in its own mount
// namespace. It uses a channel there and reports the error and the files left behind.
func placedRole(args []string) int {
	o := &ipc.Options{Dir: args[1]}
	private := func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }
	if err := errorsOf(private(), mounts[args[0]](o)); err != nil {
		proctest.Say("not here: %v", err)
		return 0
	}
	dir, err := ipc.Dir(o)
	if err != nil {
		panic(err)
	}
	proctest.Say("%s", dir)
	proctest.Say("%s", strings.ReplaceAll(errorText(trip(o)), "\n", "; "))
	_, err = ipc.Inspect(name, o)
	proctest.Say("%s", kind(err))
	left, _ := os.ReadDir(dir)
	proctest.Say("%d files", len(left))
	return 0
}

// trip sends a message and receives up to it, including messages that an existing
// channel already holds.
func trip(o *ipc.Options) error {
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, name, o)
	if err != nil {
		return err
	}
	s, err := ipc.NewSender(ctx, name, o)
	if err != nil {
		return errors.Join(err, r.Close())
	}
	err = s.TrySend([]byte("last"))
	for err == nil {
		var msg []byte
		if msg, err = r.TryRecv(); string(msg) == "last" {
			break
		}
	}
	err = errors.Join(err, s.Close(), r.Close())
	if o.Durable {
		err = errors.Join(err, ipc.Remove(name, o))
	}
	return err
}

// overlaid mounts an overlay whose layers are on one tmpfs or, if two is set, on two.
// lay fills the lower layer.
func overlaid(o *ipc.Options, two bool, lay func(lower string) error) error {
	at := func(d string) string { return filepath.Join(o.Dir, d) }
	if err := unix.Mount("tmpfs", o.Dir, "tmpfs", 0, "mode=700"); err != nil {
		return err
	}
	for _, d := range []string{"lower", "scratch"} {
		if err := os.Mkdir(at(d), 0o700); err != nil {
			return err
		}
	}
	if two {
		if err := unix.Mount("tmpfs", at("scratch"), "tmpfs", 0, "mode=700"); err != nil {
			return err
		}
	}
	err := errorsOf(os.Mkdir(at("scratch/upper"), 0o700), os.Mkdir(at("scratch/work"), 0o700), os.Mkdir(at("merged"), 0o700), lay(at("lower")))
	if err == nil {
		err = unix.Mount("overlay", at("merged"), "overlay", 0, fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", at("lower"), at("scratch/upper"), at("scratch/work")))
	}
	o.Dir = at("merged")
	return err
}

// inImage leaves a durable channel with a message in the lower layer.
func inImage(lower string) error {
	o := &ipc.Options{Dir: lower, Durable: true, Create: true}
	s, err := ipc.NewSender(context.Background(), name, o)
	if err != nil {
		return err
	}
	return errorsOf(s.TrySend([]byte("from the image")), s.Close())
}

func noImage(string) error { return nil }

// linkedShm mounts a /dev in which shm is a symbolic link, as on some systems.
func linkedShm(target string, mode fs.FileMode, uid int) func(*ipc.Options) error {
	return func(o *ipc.Options) error {
		o.Dir = ""
		if err := errorsOf(os.Unsetenv("SHMCHAN_DIR"), unix.Mount("tmpfs", "/dev", "tmpfs", 0, "mode=755"), unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755")); err != nil {
			return err
		}
		return errorsOf(os.Mkdir("/run/shm", 0o700), os.Chmod("/run/shm", 0o777|fs.ModeSticky),
			os.Symlink(target, "/dev/shm"), os.Lchown("/dev/shm", uid, -1), os.Chmod("/dev", mode))
	}
}

var mounts = map[string]func(o *ipc.Options) error{
	"hugetlbfs":                          func(o *ipc.Options) error { return unix.Mount("none", o.Dir, "hugetlbfs", 0, "mode=700") },
	"mqueue":                             func(o *ipc.Options) error { return unix.Mount("none", o.Dir, "mqueue", 0, "") },
	"sysfs":                              func(o *ipc.Options) error { return unix.Mount("none", o.Dir, "sysfs", 0, "") },
	"proc":                               func(o *ipc.Options) error { return unix.Mount("none", o.Dir, "proc", 0, "") },
	"ramfs":                              func(o *ipc.Options) error { return unix.Mount("none", o.Dir, "ramfs", 0, "mode=700") },
	"overlay":                            func(o *ipc.Options) error { return overlaid(o, false, noImage) },
	"overlay on two":                     func(o *ipc.Options) error { return overlaid(o, true, noImage) },
	"image":                              func(o *ipc.Options) error { o.Durable = true; return overlaid(o, false, inImage) },
	"image on another":                   func(o *ipc.Options) error { o.Durable = true; return overlaid(o, true, inImage) },
	"link":                               linkedShm("/run/shm", 0o755, 0),
	"relative link":                      linkedShm("../run/./shm", 0o755, 0),
	"another user's link":                linkedShm("/run/shm", 0o755, stranger),
	"link in a group-writable directory": linkedShm("/run/shm", 0o775, 0),
	"link in a world-writable directory": linkedShm("/run/shm", 0o777|fs.ModeSticky, 0),
	"link to itself":                     linkedShm("/dev/shm", 0o755, 0),
}

func TestFileSystemsAreUsedOrRefusedByName(t *testing.T) {
	for what, says := range map[string][]string{
		"hugetlbfs": {"is on hugetlbfs", "huge pages", "tmpfs"},
		"mqueue":    {"is on mqueue", "tmpfs"},
		"sysfs":     {"is on sysfs", "tmpfs"},
		"proc":      {"is on 0x9fa0", "refuses new files", "tmpfs"},
		"ramfs":     nil, "overlay": nil, "overlay on two": nil, "image": nil, "image on another": nil,

		"link": nil, "relative link": nil,
		"another user's link":                {"symbolic link", "real path"},
		"link in a group-writable directory": {"symbolic link", "real path"},
		"link in a world-writable directory": {"symbolic link", "real path"},
		"link to itself":                     {"symbolic link"},
	} {
		t.Run(what, func(t *testing.T) {
			p := proctest.StartMounts(t, "placed", what, in(t).Dir)
			dir := p.Line()
			if strings.HasPrefix(dir, "not here: ") {
				t.Skip(dir)
			}
			said := p.Line()
			if says == nil {
				require.Equal(t, "ok", said)
				p.Expect("not exist")
				p.Expect("0 files")
				return
			}
			for _, want := range append(says, dir) {
				require.Contains(t, said, want)
			}
		})
	}
}

// A directory that the caller names is treated like the directory of a path.
func TestStickyDirectoryThatIsNamedWorksAsAPathDoes(t *testing.T) {
	dir := proctest.Dir(t)
	require.NoError(t, os.Chmod(dir, 0o777|fs.ModeSticky))
	by := func(o *ipc.Options) {
		t.Helper()
		require.Equal(t, filepath.Join(dir, name), makes(t, name, o))
		require.NoError(t, ipc.Create(name, o))
		all, err := ipc.List(o)
		require.NoError(t, err)
		require.Len(t, all, 1)
		require.NoError(t, all[0].Err)
		require.NoError(t, ipc.Remove(name, o))
	}
	by(&ipc.Options{Dir: dir})
	t.Setenv("SHMCHAN_DIR", dir)
	by(nil)
	require.Equal(t, filepath.Join(dir, name), makes(t, filepath.Join(dir, name), nil))
}

// An error that a channel does not exist says where it was looked for.
func TestErrorOfAPlainNameNamesTheDirectory(t *testing.T) {
	there := in(t)
	dead := in(t)
	r := proctest.Start(t, "receiver", encode(t, dead))
	r.Expect("ready")
	r.Kill()
	t.Cleanup(func() { remove(t, dead) })
	for what, o := range map[string]*ipc.Options{
		"an empty directory": there,
		"none":               {Dir: filepath.Join(there.Dir, "none")},
		"a dead channel":     dead,
	} {
		for call, open := range map[string]func() error{
			"sender":  func() error { _, err := ipc.NewSender(background(t), name, o); return err },
			"waiter":  func() error { _, err := ipc.NewSender(brief(t), name, waiting(o)); return err },
			"inspect": func() error { _, err := ipc.Inspect("other", o); return err },
			"remove":  func() error { return ipc.Remove("other", o) },
			"force":   func() error { return ipc.ForceRemove("other", o) },
			"peek": func() (err error) {
				for _, err = range ipc.Peek("other", o) {
				}
				return err
			},
			"typed": func() error { _, err := ipc.NewSenderOf(background(t), name, ipc.JSON[int](), o); return err },
		} {
			err := open()
			require.ErrorIs(t, err, fs.ErrNotExist, "%s of %s", call, what)
			require.ErrorContains(t, err, o.Dir, "%s of %s", call, what)
		}
	}
	_ = os.Remove(filepath.Join(there.Dir, "none")) // created by the waiting sender
}
