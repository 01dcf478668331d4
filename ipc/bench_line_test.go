package ipc_test

import (
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/edsrzf/mmap-go"
	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

// lineRole answers each odd number in the shared word with the next even one.
func lineRole(args []string) int {
	word, unmap, err := shareWord(args[0])
	if err != nil {
		return 1
	}
	defer unmap()
	proctest.Say("ready")
	for n := uint64(1); ; n += 2 {
		for word.Load() != n {
			if word.Load() == ^uint64(0) {
				return 0
			}
		}
		word.Store(n + 1)
	}
}

func shareWord(path string) (*atomic.Uint64, func(), error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	mem, err := mmap.Map(f, mmap.RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	return (*atomic.Uint64)(unsafe.Pointer(&mem[0])), func() { _ = mem.Unmap() }, nil
}

// line returns how many nanoseconds a bare cache line takes from one process to
// another while both spin: half the median of many round trips.
func line(b *testing.B) float64 {
	b.Helper()
	path := filepath.Join(proctest.Dir(b), "line")
	require.NoError(b, os.WriteFile(path, make([]byte, 4096), 0o600))
	defer os.Remove(path)
	word, unmap, err := shareWord(path)
	require.NoError(b, err)
	defer unmap()
	p := proctest.Start(b, "line", path)
	p.Expect("ready")
	h := newSamples()
	const rounds, perSample = 2000, 50 // reading the clock takes as long as one crossing
	n := uint64(0)
	for range rounds {
		start := time.Now()
		for range perSample {
			n++
			word.Store(n)
			n++
			for word.Load() != n {
			}
		}
		h.add(time.Since(start) / (2 * perSample))
	}
	word.Store(^uint64(0))
	p.Wait()
	return h.quantile(0.5)
}

// samples holds up to 1<<20 durations and drops the rest.
type samples struct{ all []time.Duration }

func newSamples() *samples { return &samples{make([]time.Duration, 0, 1<<20)} }

func (s *samples) add(d time.Duration) {
	if len(s.all) < cap(s.all) {
		s.all = append(s.all, d)
	}
}

func (s *samples) quantile(q float64) float64 {
	if len(s.all) == 0 {
		return 0
	}
	slices.Sort(s.all)
	return float64(s.all[int(q*float64(len(s.all)-1))])
}
