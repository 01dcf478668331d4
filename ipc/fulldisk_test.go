package ipc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// fillUp writes a new file in dir until no space is left.
func fillUp(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, "filler"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	for size := 1 << 20; size >= 4096; size /= 2 {
		for err == nil {
			_, err = f.Write(noise(size, size)) // incompressible
		}
		if !errors.Is(err, syscall.ENOSPC) {
			break
		}
		err = nil
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// holedRole mounts a small tmpfs over the directory and punches out a channel's ring
// without changing the file's size, as if a full copy-on-write file system refused the
// pages. It prints the errors that both endpoints return when they touch the ring. The
// argument how is "full", "quota", or "room" to leave space for new pages.
func holedRole(args []string) int {
	o, how := decode(args), args[1]
	mount := "size=2m,mode=700"
	if how == "quota" {
		mount += ",usrquota,usrquota_block_hardlimit=1m"
	}
	if err := syscall.Mount("tmpfs", o.Dir, "tmpfs", 0, mount); err != nil {
		proctest.Say("mount: %v", err)
		return 1
	}
	if how == "quota" { // root is exempt from quotas
		if err := errors.Join(os.Chown(o.Dir, 1000, 1000), syscall.Setresgid(1000, 1000, 1000), syscall.Setresuid(1000, 1000, 1000)); err != nil {
			proctest.Say("mount: %v", err)
			return 1
		}
	}
	r, err := ipc.NewReceiver(context.Background(), name, o)
	if err != nil {
		proctest.Say("%v", err)
		return 1
	}
	s, err := ipc.NewSender(context.Background(), name, o)
	if err != nil {
		proctest.Say("%v", err)
		return 1
	}
	f, err := os.OpenFile(path(o), os.O_RDWR, 0)
	if err == nil {
		const punch = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
		err = errors.Join(syscall.Fallocate(int(f.Fd()), punch, ringAt, int64(o.Capacity)), f.Close())
	}
	if err == nil && how != "room" {
		if err = fillUp(o.Dir); errors.Is(err, syscall.EDQUOT) {
			err = nil
		}
	}
	if err != nil {
		proctest.Say("%v", err)
		return 1
	}
	for _, send := range []func() error{
		func() error { return s.TrySend(make([]byte, 20_000)) },
		func() error { return s.Send(context.Background(), []byte("x")) },
		func() error { _, err := s.SendBatch(context.Background(), [][]byte{[]byte("x")}); return err },
	} {
		sayError(send())
	}
	_, err = r.TryRecv()
	sayError(err)
	sayError(r.Intact())
	_ = s.Close()
	_ = r.Close()
	proctest.Say("survived")
	return 0
}

// sayError prints the kind, errno and text of err.
func sayError(err error) {
	var errno syscall.Errno
	_ = errors.As(err, &errno)
	proctest.Say("%s (%d): %v", kind(err), int(errno), err)
}

func TestFullFileSystemIsReported(t *testing.T) {
	for how, want := range map[string]syscall.Errno{"full": syscall.ENOSPC, "quota": syscall.EDQUOT} {
		t.Run(how, func(t *testing.T) {
			o := in(t)
			o.Capacity = 1 << 18
			p := proctest.StartMounts(t, "holed", encode(t, o), how)
			for range 5 {
				said := p.Line()
				if strings.HasPrefix(said, "mount: ") {
					t.Skip("cannot mount such a tmpfs here: " + said)
				}
				require.Contains(t, said, fmt.Sprintf("(%d): ", int(want)))
				require.Contains(t, said, path(o))
				require.Contains(t, said, "the tmpfs file system there has no room")
				require.Contains(t, said, "free some room")
				require.NotContains(t, said, "truncated")
				require.NotContains(t, said, "corrupt")
			}
			p.Expect("survived")
			require.Zero(t, p.Wait())
		})
	}
}

// If there is room, the kernel fills a hole: it reads as zeroes, which are neither a
// message nor a fault.
func TestHoleWhereThereIsRoomIsFilled(t *testing.T) {
	o := in(t)
	o.Capacity = 1 << 18
	p := proctest.StartMounts(t, "holed", encode(t, o), "room")
	said := p.Line()
	if strings.HasPrefix(said, "mount: ") {
		t.Skip("cannot mount a tmpfs here: " + said)
	}
	require.True(t, strings.HasPrefix(said, "ok "), said)
}

// btrfsRole makes a btrfs in the file args[1], mounts it over the directory, sends
// more than a ringful through a channel there, fills the disk, and sends again.
func btrfsRole(args []string) int {
	o, image := decode(args), args[1]
	for _, cmd := range [][]string{
		{"mkfs.btrfs", "-q", image},
		{"mount", "-o", "loop", image, o.Dir},
		{"chmod", "700", o.Dir},
		{"btrfs", "property", "set", o.Dir, "compression", args[2]}, // new files inherit it
	} {
		if out, err := exec.Command(cmd[0], cmd[1:]...).CombinedOutput(); err != nil {
			proctest.Say("mount: %v: %v: %s", cmd, err, out)
			return 1
		}
	}
	defer syscall.Unmount(o.Dir, 0)
	s, r := attach(o)
	defer r.Close()
	defer s.Close()
	send := map[int]func([]byte) error{ // used in turn
		0: s.TrySend,
		1: func(msg []byte) error { _, err := s.SendBatch(context.Background(), [][]byte{msg}); return err },
		2: func(msg []byte) error {
			c, err := s.Claim(context.Background(), len(msg))
			if err != nil {
				return err
			}
			copy(c.Bytes(), msg)
			return c.Commit()
		},
	}
	lap := func() error {
		for i := range o.Capacity / 1000 {
			msg := noise(i, 1000)
			if err := send[i%len(send)](msg); err != nil {
				return err
			}
			if got, err := r.TryRecv(); err != nil || !bytes.Equal(msg, got) {
				return fmt.Errorf("message %d differs from what was sent: %w", i, err)
			}
		}
		f, err := os.Open(o.Dir)
		if err != nil {
			return err
		}
		return errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
	}
	for range 3 {
		if err := lap(); err != nil {
			proctest.Say("with room: %v", err)
			return 1
		}
	}
	if err := fillUp(o.Dir); err != nil {
		proctest.Say("fill: %v", err)
		return 1
	}
	for range 3 {
		sayError(lap())
	}
	return 0
}

func TestBtrfsThatIsFullIsWrittenInPlace(t *testing.T) {
	if _, err := exec.LookPath("mkfs.btrfs"); err != nil {
		t.Skip("mkfs.btrfs is missing; make unit installs it where it can")
	}
	for _, compression := range []string{"none", "lzo"} {
		t.Run(compression, func(t *testing.T) {
			o := in(t)
			o.Capacity = 1 << 17
			image := filepath.Join(proctest.Dir(t), "image")
			require.NoError(t, os.WriteFile(image, nil, 0o600))
			require.NoError(t, os.Truncate(image, 160<<20))
			defer os.Remove(image)
			p := proctest.StartMounts(t, "btrfs", encode(t, o), image, compression)
			for range 3 {
				said := p.Line()
				if strings.HasPrefix(said, "mount: ") {
					t.Skip("cannot mount a btrfs here: " + said)
				}
				if !strings.HasPrefix(said, "ok ") && olderThan(t, 6, 17) {
					require.Contains(t, said, fmt.Sprintf("(%d): ", int(syscall.ENOSPC)))
					require.Contains(t, said, "the btrfs file system there has no room")
					continue
				}
				require.Equal(t, "ok (0): <nil>", said)
			}
			require.Zero(t, p.Wait())
		})
	}
}

// olderThan reports whether the kernel is older than the version. Before Linux 6.17 a
// mapped write on a full btrfs fails even if it is in place.
func olderThan(t testing.TB, major, minor int) bool {
	var u unix.Utsname
	require.NoError(t, unix.Uname(&u))
	var a, b int
	_, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &a, &b)
	require.NoError(t, err)
	return a < major || a == major && b < minor
}
