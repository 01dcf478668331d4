package ipc_test

import (
	"context"
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

// Users: ada and bob share a group, as containers with an fsGroup do; eve does not.
const (
	ada, bob, eve = 20001, 20002, 20003
	friends       = 30000 // the group of ada and bob
)

// managerRole executes the commands it reads and prints the errors' texts.
func managerRole(args []string) int {
	ctx, o := context.Background(), decode(args)
	proctest.Say("ready")
	for line, ok := proctest.Hear(); ok; line, ok = proctest.Hear() {
		var err error
		switch line {
		case "create":
			err = ipc.Create(name, o)
		case "inspect":
			_, err = ipc.Inspect(name, o)
		case "list":
			var all []ipc.Entry
			if all, err = ipc.List(o); err == nil && len(all) > 0 {
				err = all[0].Err
			}
		case "peek":
			for _, err = range ipc.Peek(name, o) {
			}
		case "remove":
			err = ipc.Remove(name, o)
		case "force":
			err = ipc.ForceRemove(name, o)
		case "receiver":
			var r *ipc.Receiver
			if r, err = ipc.NewReceiver(ctx, name, o); err == nil {
				err = r.Close()
			}
		case "sender":
			var s *ipc.Sender
			if s, err = ipc.NewSender(ctx, name, o); err == nil {
				err = s.Close()
			}
		}
		proctest.Say("%s", strings.ReplaceAll(errorText(err), "\n", "; "))
	}
	return 0
}

// ownedBy returns options for a directory of the given owner, group and mode.
func ownedBy(t testing.TB, uid, gid int, mode fs.FileMode) *ipc.Options {
	t.Helper()
	requireRoot(t)
	o := in(t)
	if err := os.Chown(o.Dir, uid, gid); err != nil {
		t.Skipf("cannot change owners here: %v", err)
	}
	require.NoError(t, os.Chmod(o.Dir, mode))
	return o
}

func requireOwner(t testing.TB, path string, uid, gid uint32, mode fs.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	st := info.Sys().(*syscall.Stat_t)
	require.Equal(t, []any{uid, gid, mode}, []any{st.Uid, st.Gid, info.Mode()})
}

func TestTwoUsersOfOneGroupShareAChannel(t *testing.T) {
	for _, c := range []struct {
		name string
		uid  int
		mode fs.FileMode
	}{
		{"in a directory of a member", ada, 0o770 | fs.ModeSetgid},
		{"in a directory of root", 0, 0o770 | fs.ModeSetgid},
		{"in a directory of a third user", eve, 0o770 | fs.ModeSetgid},
		{"without the setgid bit", ada, 0o770},
		{"in a directory readable by others", ada, 0o775},
	} {
		for _, durable := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/durable=%v", c.name, durable), func(t *testing.T) {
				o := ownedBy(t, c.uid, friends, c.mode)
				o.Mode, o.Durable = 0o660, durable
				as := func(uid uint32, role string) *proctest.Proc {
					p := proctest.StartMember(t, uid, friends, role, encode(t, o))
					p.Expect("ready")
					return p
				}
				receiver := as(ada, "receiver")
				requireOwner(t, path(o), ada, friends, 0o660)
				sender := as(bob, "sender")
				require.Equal(t, "ok", sender.Ask("send hello"))
				require.Equal(t, "got hello", receiver.Ask("recv"))

				// Each notices the other's death, and replaces it.
				receiver.Tell("block-recv")
				receiver.Expect("blocking")
				sender.Kill()
				if !durable {
					receiver.Expect("received  disconnected")
					receiver.Kill()
				} else {
					sender = as(bob, "sender")
					receiver.Kill()
					require.Equal(t, "ok", sender.Ask("send kept"))
					sender.Kill()
				}
				receiver = as(bob, "receiver")
				if durable {
					require.Equal(t, "got kept", receiver.Ask("recv"))
					requireOwner(t, path(o), ada, friends, 0o660)
				} else {
					requireOwner(t, path(o), bob, friends, 0o660)
				}
				sender = as(ada, "sender")
				require.Equal(t, "ok", sender.Ask("send back"))
				require.Equal(t, "got back", receiver.Ask("recv"))

				// Inspecting and removing do not need Options.Mode.
				plain := with(o, func(o *ipc.Options) { o.Mode = 0 })
				for _, uid := range []uint32{ada, bob} {
					p := proctest.StartMember(t, uid, friends, "manager", encode(t, plain))
					p.Expect("ready")
					for _, verb := range []string{"list", "inspect", "peek"} {
						require.Equal(t, "ok", p.Ask("%s", verb), verb)
					}
					require.Contains(t, p.Ask("remove"), "alive")
				}
				sender.Kill()
				receiver.Kill()
				p := proctest.StartMember(t, ada, friends, "manager", encode(t, plain))
				p.Expect("ready")
				require.Equal(t, "ok", p.Ask("remove"))
				require.NoFileExists(t, path(o))
			})
		}
	}
}

func TestGroupChannelRequiresMembershipAndMode(t *testing.T) {
	for what, owner := range map[string]int{"a member's directory": ada, "root's directory": 0} {
		t.Run(what, func(t *testing.T) {
			o := ownedBy(t, owner, friends, 0o775|fs.ModeSetgid)
			o.Mode = 0o660
			receiver := proctest.StartMember(t, ada, friends, "receiver", encode(t, o))
			receiver.Expect("ready")
			ask := func(p *proctest.Proc, verbs []string, wants ...string) {
				t.Helper()
				p.Expect("ready")
				for _, verb := range verbs {
					said := p.Ask("%s", verb)
					for _, want := range wants {
						require.Contains(t, said, want, verb)
					}
				}
			}
			attach := []string{"sender", "receiver", "create"}
			plain := with(o, func(o *ipc.Options) { o.Mode = 0 })
			ask(proctest.StartMember(t, bob, friends, "manager", encode(t, plain)), attach,
				"permission denied", fmt.Sprintf("user %d", ada), fmt.Sprintf("group %d", friends), "0660", "--mode")
			for _, o := range []*ipc.Options{o, plain} {
				ask(proctest.StartAs(t, eve, "manager", encode(t, o)), append(attach, "inspect", "remove", "force"), "permission denied")
			}
			require.Equal(t, "ok", receiver.Ask("close"))
		})
	}
}

// A channel is refused if other users may write to its directory, or if its file is not
// the group's alone.
func TestGroupTrustsOnlyItsMembers(t *testing.T) {
	o := ownedBy(t, ada, friends, 0o777)
	o.Mode = 0o660
	requireRefusal := func(want string) {
		t.Helper()
		p := proctest.StartMember(t, bob, friends, "manager", encode(t, o))
		p.Expect("ready")
		for _, verb := range []string{"sender", "receiver", "inspect", "remove"} {
			said := p.Ask("%s", verb)
			require.Contains(t, said, "permission denied", verb)
			require.Contains(t, said, want, verb)
		}
	}
	requireRefusal("belongs to user")
	require.NoError(t, os.Chmod(o.Dir, 0o777|fs.ModeSticky))
	requireRefusal("belongs to user")
	require.NoError(t, os.Chmod(o.Dir, 0o770))

	for what, change := range map[string]func() error{
		"of another group":           func() error { return os.Chown(path(o), eve, eve) },
		"that the group can't write": func() error { return errorsOf(os.Chown(path(o), eve, friends), os.Chmod(path(o), 0o644)) },
		"with a second name": func() error {
			return errorsOf(os.Chown(path(o), eve, friends), os.Chmod(path(o), 0o660), os.Link(path(o), filepath.Join(o.Dir, "x")))
		},
	} {
		p := proctest.StartMember(t, ada, friends, "manager", encode(t, o))
		p.Expect("ready")
		require.Equal(t, "ok", p.Ask("create"), what)
		require.NoError(t, change(), what)
		requireRefusal(path(o))
		require.NoError(t, os.RemoveAll(filepath.Join(o.Dir, "x")))
		require.NoError(t, os.Remove(path(o)))
	}
}

// The owner is not in the directory's group, so the file cannot be given to the group.
func TestChannelThatTheGroupCouldNotUseIsNotMade(t *testing.T) {
	o := ownedBy(t, ada, friends, 0o770)
	o.Mode = 0o660
	p := proctest.StartAs(t, ada, "manager", encode(t, o))
	p.Expect("ready")
	for _, verb := range []string{"create", "receiver"} {
		said := p.Ask("%s", verb)
		require.Contains(t, said, fmt.Sprintf("group %d", friends))
		require.Contains(t, said, "chmod g+s")
	}
	left, err := os.ReadDir(o.Dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

// Root may inspect channels in another user's directory and remove them, but attaches
// no endpoint there.
func TestRootMayLookAtAnotherUsersDirectory(t *testing.T) {
	o := ownedBy(t, ada, ada, 0o700)
	o.Durable = true
	owner := proctest.StartAs(t, ada, "receiver", encode(t, o))
	owner.Expect("ready")

	all, err := ipc.List(o)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.NoError(t, all[0].Err)
	stats, err := ipc.Inspect(name, o)
	require.NoError(t, err)
	require.Equal(t, ipc.StateAlive, stats.Receiver.State)
	for _, err := range ipc.Peek(name, o) {
		require.NoError(t, err)
	}
	require.ErrorIs(t, ipc.Remove(name, o), ipc.ErrBusy)
	for _, attach := range []func() error{
		func() error { _, err := ipc.NewReceiver(background(t), name, o); return err },
		func() error { _, err := ipc.NewSender(background(t), name, creating(o)); return err },
		func() error { return ipc.Create("new", o) },
	} {
		err := attach()
		require.ErrorIs(t, err, fs.ErrPermission)
		require.ErrorContains(t, err, "belongs to user")
	}

	// Files that the owner plants there are not followed, waited for or harmed.
	mine := in(t)
	s, r := newPair(t, mine)
	baits := map[string]func(at string) error{
		"link":  func(at string) error { return os.Symlink(path(mine), at) },
		"hard":  func(at string) error { return os.Link(path(mine), at) },
		"fifo":  func(at string) error { return syscall.Mkfifo(at, 0o600) },
		"short": func(at string) error { return errorsOf(os.WriteFile(at, nil, 0o600), os.Chown(at, ada, ada)) },
	}
	for bait, lay := range baits {
		require.NoError(t, lay(filepath.Join(o.Dir, bait)))
	}
	all, err = ipc.List(o)
	require.NoError(t, err)
	require.Len(t, all, 1+len(baits))
	for bait := range baits {
		_, err := ipc.Inspect(bait, o)
		require.Error(t, err, bait)
		require.Error(t, ipc.Remove(bait, o), bait)
		require.Error(t, ipc.ForceRemove(bait, o), bait)
		require.NoError(t, os.Remove(filepath.Join(o.Dir, bait)), "want the bait not removed")
	}
	send(t, s, "unharmed")
	recv(t, r, "unharmed")

	owner.Kill()
	require.NoError(t, ipc.Remove(name, o))
	require.NoFileExists(t, path(o))
}
