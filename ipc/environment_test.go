package ipc_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// scarceRole creates channels where a resource is missing, prints the errors, and then
// how many files are left. Its arguments are the resource and the options.
func scarceRole(args []string) int {
	o := decode(args[1:])
	if err := shortages[args[0]](o); err != nil {
		proctest.Say("unsupported here: %v", err)
		return 0
	}
	attempt := func() {
		r, err := ipc.NewReceiver(context.Background(), name, o)
		proctest.Say("%s", strings.ReplaceAll(errorText(err), "\n", "; "))
		if err == nil {
			_ = r.Close()
		}
		s, err := ipc.NewSender(context.Background(), name, with(o, func(o *ipc.Options) { o.Create = true }))
		proctest.Say("%s", strings.ReplaceAll(errorText(err), "\n", "; "))
		if err == nil {
			_ = s.Close()
			_ = ipc.Remove(name, o)
		}
	}
	attempt()
	left, _ := filepath.Glob(filepath.Join(o.Dir, "*"))
	hidden, _ := filepath.Glob(filepath.Join(o.Dir, ".*"))
	proctest.Say("%d files", len(left)+len(hidden))
	return 0
}

func errorText(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}

// shortages change the process or its view of the file system.
var shortages = map[string]func(o *ipc.Options) error{
	"inodes": func(o *ipc.Options) error {
		return mountTmpfs(o.Dir, 0, "nr_inodes=1,mode=700") // the root directory takes it
	},
	"room": func(o *ipc.Options) error {
		return mountTmpfs(o.Dir, 0, "size=64k,mode=700")
	},
	"write permission of the mount": func(o *ipc.Options) error {
		return mountTmpfs(o.Dir, unix.MS_RDONLY, "mode=700")
	},
	"/dev/shm": func(o *ipc.Options) error {
		o.Dir = ""
		return errors.Join(os.Unsetenv("SHMCHAN_DIR"), mountTmpfs("/dev", 0, "mode=755"))
	},
	"size of files": func(o *ipc.Options) error {
		return unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 100_000, Max: 100_000})
	},
	"descriptors": func(o *ipc.Options) error { return spareDescriptors(0) },
	"address space": func(o *ipc.Options) error {
		o.Capacity = 128 << 20 // and mapped twice
		raw, err := os.ReadFile("/proc/self/statm")
		if err != nil {
			return err
		}
		pages, err := strconv.ParseUint(strings.Fields(string(raw))[0], 10, 64)
		limit := pages*uint64(os.Getpagesize()) + 200<<20 // for the runtime
		return errors.Join(err, unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: limit, Max: limit}))
	},
	"write permission of the directory": func(o *ipc.Options) error {
		return nil // the process runs as another user
	},
}

// spareDescriptors limits the process to n more descriptors.
func spareDescriptors(n uint64) error {
	highest, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return errors.Join(unix.Close(highest),
		unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(highest) + n, Max: uint64(highest) + n}))
}

func mountTmpfs(at string, flags uintptr, data string) error {
	// Keep the mount out of other mount namespaces.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	return unix.Mount("tmpfs", at, "tmpfs", flags, data)
}

func TestErrorNamesWhatIsMissingAndLeavesNoFile(t *testing.T) {
	for _, c := range []struct {
		missing string
		want    []string // all of them
	}{
		{"inodes", []string{"no space left", "inode"}},
		{"room", []string{"no space left", "smaller capacity"}},
		{"write permission of the mount", []string{"read-only"}},
		{"/dev/shm", []string{"/dev/shm is missing", "SHMCHAN_DIR"}},
		{"size of files", []string{"file too large", "100000", "ulimit -f"}},
		{"descriptors", []string{"too many open files"}},
		{"address space", []string{"cannot allocate memory", "address space"}},
	} {
		t.Run(c.missing, func(t *testing.T) {
			o := in(t)
			p := proctest.StartMounts(t, "scarce", c.missing, encode(t, o))
			for range 2 { // a receiver, and a sender with Create
				said := p.Line()
				if strings.HasPrefix(said, "unsupported here: ") {
					t.Skip(said)
				}
				for _, want := range append(c.want, name) {
					require.Contains(t, said, want)
				}
			}
			if c.missing != "/dev/shm" && c.missing != "descriptors" {
				p.Expect("0 files")
			}
			require.Zero(t, p.Wait(), "want no signal and no panic")
		})
	}
}

// scantRole opens and closes endpoints with few descriptors to spare, and prints the
// error.
func scantRole(args []string) int {
	spare, _ := strconv.ParseUint(args[0], 10, 64)
	if err := spareDescriptors(spare); err != nil {
		panic(err)
	}
	r, err := ipc.NewReceiver(context.Background(), name, decode(args[1:]))
	if err != nil {
		proctest.Say("%v", err)
		return 0
	}
	s, err := ipc.NewSender(context.Background(), name, decode(args[1:]))
	if err == nil {
		err = s.Send(context.Background(), []byte("x"))
		_ = s.Close()
	}
	if err == nil {
		_, err = r.Recv(context.Background())
	}
	proctest.Say("%s", errorText(errors.Join(err, r.Close())))
	return 0
}

// An endpoint must not take the last descriptors: the Go runtime kills a process that
// has none left for its timers.
func TestAnyShortageOfDescriptorsIsAnError(t *testing.T) {
	enough := false
	for spare := range 12 {
		o := in(t)
		p := proctest.Start(t, "scant", strconv.Itoa(spare), encode(t, o))
		said := p.Line()
		require.Zero(t, p.Wait(), "%d descriptors to spare", spare)
		if enough = said == "ok"; !enough {
			require.Contains(t, said, "too many open files")
		}
	}
	require.True(t, enough, "want 11 spare descriptors to be enough")
}

func TestErrorNamesADirectoryThatMayNotBeWritten(t *testing.T) {
	requireRoot(t)
	o := in(t)
	require.NoError(t, os.Chmod(o.Dir, 0o755))
	p := proctest.StartAs(t, stranger, "scarce", "write permission of the directory", encode(t, o))
	for range 2 {
		said := p.Line()
		require.Contains(t, said, "permission denied")
		require.Contains(t, said, o.Dir)
	}
	p.Expect("0 files")
}

// readOnlyRole creates a channel, remounts its directory read-only and prints the
// results of inspecting, listing, opening and removing it.
func readOnlyRole(args []string) int {
	o := decode(args)
	if err := mountTmpfs(o.Dir, 0, "mode=700"); err != nil {
		proctest.Say("unsupported here: %v", err)
		return 0
	}
	if err := ipc.Create(name, o); err != nil {
		panic(err)
	}
	if err := unix.Mount("", o.Dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		panic(err)
	}
	_, err := ipc.Inspect(name, o)
	proctest.Say("inspect %s", errorText(err))
	entries, err := ipc.List(o)
	proctest.Say("list %d %s", len(entries), errorText(err))
	_, err = ipc.NewReceiver(context.Background(), name, o)
	proctest.Say("%s", errorText(err))
	_, err = ipc.NewSender(context.Background(), name, o)
	proctest.Say("%s", errorText(err))
	proctest.Say("%s", errorText(ipc.Remove(name, o)))
	return 0
}

func TestReadOnlyMountCanBeLookedAt(t *testing.T) {
	p := proctest.StartMounts(t, "read-only", encode(t, in(t)))
	said := p.Line()
	if strings.HasPrefix(said, "unsupported here: ") {
		t.Skip(said)
	}
	require.Equal(t, "inspect ok", said)
	p.Expect("list 1 ok")
	for range 3 {
		said := p.Line()
		require.Contains(t, said, syscall.EROFS.Error())
		require.Contains(t, said, name)
	}
	require.Zero(t, p.Wait())
}
