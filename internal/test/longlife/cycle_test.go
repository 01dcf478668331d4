package longlife

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// holdings are the resources that a leak would grow.
type holdings struct {
	descriptors, mappings, goroutines int
	heap, resident                    int // bytes
	files, fileBytes                  int // in the channel's directory
}

func hold(t testing.TB, dir string) (h holdings) {
	t.Helper()
	runtime.GC()
	runtime.GC() // frees what the first one's cleanups released
	fds, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	statm, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	for _, f := range files {
		var st syscall.Stat_t
		require.NoError(t, syscall.Stat(f, &st))
		h.fileBytes += int(st.Blocks) * 512
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	h.descriptors, h.mappings, h.goroutines = len(fds), strings.Count(string(maps), shared), runtime.NumGoroutine()
	h.heap, h.resident, h.files = int(m.HeapAlloc), pages*os.Getpagesize(), len(files)
	return h
}

// shared marks a line of /proc/self/maps that maps a file writable and shared.
const shared = " rw-s "

const (
	heapSlack     = 256 << 10
	residentSlack = 16 << 20 // the runtime returns memory at any time
)

// requireNoGrowth fails the test if the process holds more than before.
func requireNoGrowth(t testing.TB, dir string, before holdings) holdings {
	t.Helper()
	var now holdings
	proctest.Eventually(t, "nothing has grown", func() bool {
		now = hold(t, dir)
		return now.descriptors <= before.descriptors && now.mappings <= before.mappings &&
			now.goroutines <= before.goroutines && now.heap <= before.heap+heapSlack &&
			now.files <= before.files && now.fileBytes <= before.fileBytes &&
			now.resident <= before.resident+residentSlack
	})
	return now
}

func TestEndsComeAndGoWithoutGrowth(t *testing.T) {
	ctx := context.Background()
	o := &ipc.Options{Dir: proctest.Dir(t), KeepOpen: true, Capacity: 4096, MaxSenders: 4}
	keep := newReceiver(t, o)
	stay := newSender(t, o)
	msg := []byte("here")
	for _, c := range []struct {
		name  string
		times int
		cycle func() error
	}{
		{"a sender attaches and closes", long(3000, 1_000_000), func() error {
			s, err := ipc.NewSender(ctx, channel, o)
			if err != nil {
				return err
			}
			return s.Close()
		}},
		{"a sender attaches, sends and closes", long(2000, 100_000), func() error {
			s, err := ipc.NewSender(ctx, channel, o)
			if err != nil {
				return err
			}
			if err := s.Send(ctx, msg); err != nil {
				return err
			}
			if _, err := keep.Recv(ctx); err != nil {
				return err
			}
			return s.Close()
		}},
		{"a clone attaches and closes with a claim open", long(2000, 100_000), func() error {
			s, err := stay.Clone()
			if err != nil {
				return err
			}
			claim, err := s.Claim(ctx, 8)
			if err != nil {
				return err
			}
			if err := s.Close(); err != nil {
				return err
			}
			if err := claim.Abort(); !errors.Is(err, ipc.ErrClosed) {
				return err
			}
			if _, err := keep.TryRecv(); err != nil && !isEmpty(err) {
				return err
			}
			return nil
		}},
		{"a channel is made and closed", long(1000, 100_000), func() error {
			r, err := ipc.NewReceiver(ctx, "other", o)
			if err != nil {
				return err
			}
			s, err := ipc.NewSender(ctx, "other", o)
			if err != nil {
				return err
			}
			if err := s.Close(); err != nil {
				return err
			}
			return r.Close()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 200 { // fill pools and tables, and run lazy initialization
				require.NoError(t, c.cycle())
			}
			before := hold(t, o.Dir)
			start := time.Now()
			for range c.times {
				if err := c.cycle(); err != nil {
					t.Fatal(err)
				}
			}
			took := time.Since(start)
			after := requireNoGrowth(t, o.Dir, before)
			t.Logf("%d times, %v each; before %+v, after %+v", c.times, took/time.Duration(c.times), before, after)
		})
	}
	require.NoError(t, stay.Close())
	require.NoError(t, keep.Close())
}
