package ipc_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// memory returns a size from /proc/self/status, in bytes.
func memory(field string) uint64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	_, rest, _ := strings.Cut(string(status), "\n"+field+":")
	var kib uint64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		panic(err)
	}
	return kib << 10
}

// limitedRole limits its data, or its addresses if args[1] says so, to 64 MiB more
// than it uses, and opens a channel that is larger.
func limitedRole(args []string) int {
	o := decode(args)
	resource, field := unix.RLIMIT_DATA, "VmData"
	if args[1] == "addresses" {
		resource, field = unix.RLIMIT_AS, "VmSize"
	}
	before := memory(field)
	limit := unix.Rlimit{Cur: before + 64<<20, Max: before + 64<<20}
	if err := unix.Setrlimit(resource, &limit); err != nil {
		proctest.Say("setrlimit: %v", err)
		return 1
	}
	proctest.Say("%d", limit.Cur)
	r, err := ipc.NewReceiver(context.Background(), name, o)
	if err != nil {
		proctest.Say("%v", err)
		return 0
	}
	defer r.Close()
	s, err := ipc.NewSender(context.Background(), name, o)
	if err == nil {
		defer s.Close()
		err = s.TrySend([]byte("hello"))
	}
	if err == nil {
		_, err = r.Recv(context.Background())
	}
	if err == nil && args[1] == "guard" {
		_ = os.Truncate(path(o), 0)
		proctest.Say("%s", kind(s.TrySend([]byte("x"))))
		return 0
	}
	_, ierr := ipc.Inspect(name, o)
	proctest.Say("%v %v", err, ierr)
	proctest.Say("%v", memory(field) < before+64<<20)
	return 0
}

func requireRoom(t *testing.T, o *ipc.Options) {
	var st syscall.Statfs_t
	require.NoError(t, syscall.Statfs(o.Dir, &st))
	if free := int64(st.Bavail) * int64(st.Bsize); free < 1<<30 {
		t.Skipf("%s has %d bytes free, want 1 GiB", o.Dir, free)
	}
}

// The process's data limit (ulimit -d) counts neither the ring nor the addresses that
// are reserved for it.
func TestRingDoesNotCountAsProcessData(t *testing.T) {
	o := in(t)
	requireRoom(t, o)
	o.Capacity = 256 << 20
	p := proctest.Start(t, "limited", encode(t, o), "data")
	p.Line()
	p.Expect("<nil> <nil>")
	p.Expect("true")
	require.Zero(t, p.Wait())
}

// The memory that replaces a truncated file does not count as process data either.
func TestTruncationIsSurvivedWhereDataIsLimited(t *testing.T) {
	o := in(t)
	requireRoom(t, o)
	o.Capacity = 256 << 20
	p := proctest.Start(t, "limited", encode(t, o), "guard")
	p.Line()
	p.Expect("corrupt")
	require.Zero(t, p.Wait())
}

func TestLimitOfAddressesIsNamed(t *testing.T) {
	o := in(t)
	requireRoom(t, o)
	o.Capacity = 256 << 20
	p := proctest.Start(t, "limited", encode(t, o), "addresses")
	limit := p.Line()
	said := p.Line()
	require.Contains(t, said, path(o))
	require.Contains(t, said, "this process may have "+limit+" in all (ulimit -v)")
	require.Contains(t, said, "smaller capacity")
	require.Contains(t, said, "cannot allocate memory")
	require.Zero(t, p.Wait())
}
