package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/machine"
	"github.com/shmchan/shmchan/internal/filesystem"
	"github.com/shmchan/shmchan/ipc"
)

// examined returns findings of all kinds, in the order in which doctor reports them.
func examined(v *doctor) (all []finding) {
	all = append(all, checkKernel([]machine.Feature{
		{Name: "futex", Since: "2.6", Required: true},
		{Name: "open file description locks", Since: "3.15", Required: true, Err: errors.New("invalid argument")},
		{Name: "membarrier", Since: "4.16", Without: "every sender executes a fence, which is slower"},
		{Name: "pidfd_open", Since: "5.3", Without: "a death is noticed later", Err: errors.New("function not implemented")},
	})...)
	const dir = "/dev/shm/shmchan-1000"
	all = append(all, checkRoom(dir, "mode 0700", &filesystem.Usage{Kind: filesystem.Kind{Name: "tmpfs", Memory: true}, Size: 8 << 30, Free: 7 << 30})...)
	all = append(all, checkRoom(dir, "mode 0700", &filesystem.Usage{Kind: filesystem.Kind{Name: "tmpfs", Memory: true}, Size: 64 << 20, Free: 1 << 20, Inodes: 100})...)
	all = append(all, checkRoom("/home/me/my channels", "mode 0755", &filesystem.Usage{Kind: filesystem.Kind{Name: "ext4"}, Size: 1 << 40, Free: 1 << 39})...)
	all = append(all, checkRoom("/srv/ch", "mode 0755", &filesystem.Usage{Kind: filesystem.Kind{Name: "btrfs"}, Size: 1 << 40, Free: 1 << 39})...)
	all = append(all, checkRoom("/tank/ch", "mode 0755", &filesystem.Usage{Kind: filesystem.Kind{Name: "zfs"}, Size: 1 << 40, Free: 1 << 39})...)
	all = append(all, checkRoom("/mnt/ch", "mode 0755", &filesystem.Usage{Kind: filesystem.Kind{Name: "nfs", Remote: true}, ReadOnly: true, Size: 1 << 40, Free: 1 << 39})...)

	for _, err := range []error{
		fmt.Errorf("inspect: header.version at offset 8 is 2, want 1: %w", ipc.ErrIncompatible),
		&ipc.CorruptError{Path: dir + "/odd one", Offset: 96, Field: "header.checksum", Value: 1, Reason: "the header sums up to 0x2"},
		fmt.Errorf("it belongs to user 1: %w", fs.ErrPermission),
		errors.New("too many open files"),
	} {
		all = append(all, unreadable(&ipc.Entry{Name: "odd one", Stats: ipc.Stats{Path: dir + "/odd one"}, Err: err}))
	}

	at := func(position uint64) *uint64 { return &position }
	recv := func(state ipc.State) *ipc.End {
		return &ipc.End{Slot: -1, PID: 42, State: state, BeatAge: 5 * time.Second}
	}
	send := func(slot int, state ipc.State, claim *uint64) ipc.End {
		return ipc.End{Slot: slot, PID: 50 + slot, State: state, BeatAge: 7 * time.Second, Claim: claim}
	}
	scribbled := &ipc.CorruptError{Path: "/x", Offset: 12288, Field: "record.kind", Value: 9, Reason: "known are kinds 1 to 3, without flags"}
	labelled := send(4, ipc.StateStalled, nil)
	labelled.Label = `web "1"`
	for _, c := range []struct {
		stats ipc.Stats
		ring  error
	}{
		{ipc.Stats{Name: "sound", Used: 500, Receiver: recv(ipc.StateAlive), Senders: []ipc.End{send(0, ipc.StateAlive, at(100))}}, nil},
		{ipc.Stats{Name: "idle"}, nil},
		{ipc.Stats{Name: "dead", Dead: true, Receiver: recv(ipc.StateDead), Senders: []ipc.End{send(0, ipc.StateDead, nil)}}, nil},
		{ipc.Stats{Name: "held", Dead: true, Senders: []ipc.End{send(0, ipc.StateAlive, nil)}}, nil},
		{ipc.Stats{Name: "durable", Durable: true, Receiver: recv(ipc.StateDead), Senders: []ipc.End{send(1, ipc.StateDead, nil)}}, nil},
		{ipc.Stats{Name: "slow", Receiver: recv(ipc.StateStalled), Senders: []ipc.End{labelled, send(5, ipc.StateDead, nil)}}, nil},
		{ipc.Stats{Name: "stuck", Head: 100, Tail: 700, Used: 600, Receiver: recv(ipc.StateAlive), Senders: []ipc.End{send(2, ipc.StateStalled, at(100))}}, nil},
		{ipc.Stats{Name: "not stuck", Head: 100, Tail: 700, Used: 600, Receiver: recv(ipc.StateAlive), Senders: []ipc.End{send(2, ipc.StateStalled, at(200))}}, nil},
		{ipc.Stats{Name: "-stuck", Head: 100, Tail: 700, Used: 600, Senders: []ipc.End{send(2, ipc.StateDead, at(100))}}, nil},
		{ipc.Stats{Name: "full", Durable: true, Used: 4096, MaxSenders: 1, Senders: []ipc.End{send(0, ipc.StateAlive, nil)}}, nil},
		{ipc.Stats{Name: "scribbled", Path: dir + "/scribbled"}, scribbled},
		{ipc.Stats{Name: "scribbled at head", Messages: 5, Path: dir + "/scribbled at head"}, scribbled},
		{ipc.Stats{Name: "scribbled, in use", Receiver: recv(ipc.StateAlive)}, scribbled},
		{ipc.Stats{Name: "scribbled, empty"}, scribbled},
		{ipc.Stats{Name: "old", Messages: 5, Path: dir + "/old"}, fmt.Errorf("made before the machine's last boot: %w", ipc.ErrIncompatible)},
		{ipc.Stats{Name: "old, empty"}, fmt.Errorf("made before the machine's last boot: %w", ipc.ErrIncompatible)},
		{ipc.Stats{Name: "dead, empty", Dead: true, Receiver: recv(ipc.StateDead)}, nil},
		{ipc.Stats{Name: "held, empty", Dead: true, Senders: []ipc.End{send(0, ipc.StateAlive, nil)}}, nil},
		{ipc.Stats{Name: "slow, durable", Durable: true, Receiver: recv(ipc.StateStalled)}, nil},
	} {
		c.stats.Capacity = 4096
		if c.stats.MaxSenders == 0 {
			c.stats.MaxSenders = 8
		}
		check := checkup{Stats: &c.stats, unread: 3, command: v.command}
		if strings.Contains(c.stats.Name, "empty") || c.ring != nil && c.stats.Name != "scribbled" { // no message can be read
			check.unread = 0
		}
		all = append(all, check.findings(c.ring)...)
	}
	return all
}

// TestDoctorGolden pins the contract of --json, and what people see.
func TestDoctorGolden(t *testing.T) {
	for _, tt := range []struct {
		name   string
		asJSON bool
		dir    string
	}{{"doctor.txt", false, ""}, {"doctor.json", true, "/srv/my channels"}} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			v := &doctor{app: &app{stdout: &out, dir: tt.dir}, asJSON: tt.asJSON}
			v.report(examined(v)...)
			require.NoError(t, v.err)
			golden(t, tt.name, out.Bytes())
			require.EqualValues(t, bytes.Count(out.Bytes(), []byte("problem")), v.problems)
		})
	}
}

// No advice of doctor loses a message or removes a file that is not a channel.
func TestDoctorAdvisesNothingThatLosesAMessage(t *testing.T) {
	alive := &ipc.End{Slot: -1, PID: 42, State: ipc.StateAlive}
	stalled := &ipc.End{Slot: -1, PID: 42, State: ipc.StateStalled}
	killed := &ipc.End{Slot: -1, PID: 42, State: ipc.StateDead}
	corrupt := &ipc.CorruptError{Field: "record.kind"}
	for _, receiver := range []*ipc.End{nil, alive, stalled, killed} {
		for _, state := range []ipc.State{0, ipc.StateAlive, ipc.StateStalled, ipc.StateDead} {
			for _, ring := range []error{nil, corrupt, ipc.ErrIncompatible} {
				for flags := range 4 {
					s := ipc.Stats{Name: "ch", Path: "/d/ch", Capacity: 4096, MaxSenders: 1, Used: 4000, Messages: 3,
						Receiver: receiver, Durable: flags&1 != 0, Dead: flags&2 != 0}
					if state != 0 {
						s.Senders = []ipc.End{{PID: 50, State: state}}
					}
					check := checkup{Stats: &s, unread: 3, command: (&doctor{app: &app{}}).command}
					if ring == ipc.ErrIncompatible {
						check.unread = 0 // it cannot be read
					}
					for _, f := range check.findings(ring) {
						require.NotRegexp(t, `\brm\b`, f.Fix, "%+v: %+v", s, f)
						if receiver == stalled && !s.Durable && ring != ipc.ErrIncompatible {
							require.NotRegexp(t, `KILL 42`, f.Fix, "%+v: %+v", s, f)
						}
					}
				}
			}
		}
	}
	for _, err := range []error{corrupt, ipc.ErrIncompatible, fs.ErrPermission, errors.New("odd")} {
		require.NotRegexp(t, `\brm\b`, unreadable(&ipc.Entry{Err: err}).Fix)
	}
}

// doctor names each file system that is neither an ordinary disk nor memory.
func TestDoctorTellsFileSystemsByName(t *testing.T) {
	for _, tt := range []struct {
		system filesystem.Usage
		level  string
		says   []string
	}{
		{filesystem.Usage{Kind: filesystem.Kind{Name: "hugetlbfs", Memory: true, Cannot: "maps whole huge pages only"}}, levelProblem, []string{"hugetlbfs", "huge pages", "/dev/shm"}},
		{filesystem.Usage{Kind: filesystem.Kind{Name: "fuse", Remote: true}}, levelProblem, []string{"fuse", "/dev/shm"}},
		{filesystem.Usage{Kind: filesystem.Kind{Name: "9p", Remote: true}}, levelProblem, []string{"9p", "/dev/shm"}},
		{filesystem.Usage{Kind: filesystem.Kind{Name: "overlay", Layered: true}, Size: 1 << 40, Free: 1 << 39}, levelNote, []string{"overlay", "container", "tmpfs"}},
		{filesystem.Usage{Kind: filesystem.Kind{Name: "ramfs", Memory: true}}, levelOK, []string{"ramfs", "reports no size"}},
	} {
		all := checkRoom("/mnt", "mode 0700", &tt.system)
		worst := all[len(all)-1]
		require.Equal(t, tt.level, worst.Level, tt.system.Name)
		for _, want := range tt.says {
			require.Contains(t, worst.Found+worst.Means+worst.Fix, want)
		}
		require.LessOrEqual(t, len(all), 2, "its room is no problem: %+v", all)
	}
}

// A dead endpoint whose lock is held blocks the next one. doctor says how to find the holder,
// and does not advise a recv that would be refused.
func TestDoctorNamesWhatHoldsTheLocksOfTheDead(t *testing.T) {
	v := &doctor{app: &app{}}
	c := checkup{command: v.command, Stats: &ipc.Stats{
		Name: "jobs", Path: "/dev/shm/my dir/jobs", Durable: true, Capacity: 4096, MaxSenders: 8,
		Receiver: &ipc.End{Slot: -1, PID: 42, State: ipc.StateDead, Outlived: true},
		Senders:  []ipc.End{{Slot: 3, PID: 53, State: ipc.StateDead, Outlived: true}},
	}}
	found := c.findings(nil)
	require.Len(t, found, 2)
	for i, want := range []finding{
		{Level: levelProblem, Found: "its receiver (pid 42) is dead, but its lock is held"},
		{Level: levelNote, Found: "sender 3 (pid 53) is dead, but its lock is held"},
	} {
		require.Equal(t, want.Level, found[i].Level)
		require.Equal(t, want.Found, found[i].Found)
		require.Equal(t, "fuser '/dev/shm/my dir/jobs'", found[i].Fix)
	}
}
