package asymlock

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/fence"
)

// The unlocker's plain store is still in its store buffer when it checks for waiters,
// behind stores to lines that the waiter's processor holds. So only the waiter's fence
// makes one of the two see the other. There is no other goroutine that would wake the
// waiter later.
func TestWaiterSeesThatItIsFreeOrIsSeen(t *testing.T) {
	if min(runtime.NumCPU(), runtime.GOMAXPROCS(0)) < 2 || !fence.Register() {
		t.Skip("needs two processors and membarrier")
	}
	l := newLock(false)
	var shared [1500]byte
	var ballast [len(shared)]byte
	var round, locked, got atomic.Int64
	const asleep = 10 * time.Second // longer than any delay
	over := make(chan struct{})
	go func() {
		defer close(over)
		for n := int64(1); ; n++ {
			for locked.Load() != n {
				if round.Load() < 0 {
					return
				}
			}
			l.Lock()
			clear(shared[:]) // its lines are now in this processor's cache
			l.Unlock()
			got.Store(n)
		}
	}()
	forgotten, rounds := false, int64(0)
	for end := time.Now().Add(time.Second); !forgotten && rounds < 20_000 && time.Now().Before(end); {
		rounds++
		l.Lock()
		locked.Store(rounds)
		for l.waiters.Load() == 0 && rounds%2 == 0 { // about to sleep
		}
		for range rounds % 211 {
			runtime.KeepAlive(l.held.Load())
		}
		copy(shared[:], ballast[:])
		l.Unlock()
		for start := time.Now(); got.Load() != rounds; {
			if !forgotten && time.Since(start) > asleep {
				forgotten = true
				l.wake()
			}
			runtime.Gosched()
		}
	}
	round.Store(-1)
	<-over
	require.False(t, forgotten, "after %d rounds", rounds)
}
