package asymlock

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/fence"
)

func newLock(alone bool) *Lock {
	l := new(Lock)
	l.init(alone || !fence.Register())
	return l
}

// Many goroutines, some of which hold the lock long enough that others sleep: a
// forgotten sleeper hangs the test.
func TestOneHasItAndNobodyIsForgotten(t *testing.T) {
	for name, alone := range map[string]bool{"fence by the waiter": false, "fence by the unlocker": true} {
		t.Run(name, func(t *testing.T) {
			const goroutines, rounds = 8, 20_000
			l := newLock(alone)
			before := l.waiters.Load()
			var done sync.WaitGroup
			n := 0
			for g := range goroutines {
				done.Go(func() {
					for i := range rounds {
						l.Lock()
						n++
						if g == 0 && i%1000 == 0 {
							time.Sleep(10 * time.Microsecond)
						}
						l.Unlock()
					}
				})
			}
			finished := make(chan struct{})
			go func() { done.Wait(); close(finished) }()
			select {
			case <-finished:
			case <-time.After(time.Minute):
				t.Fatal("a waiter sleeps forever")
			}
			require.Equal(t, goroutines*rounds, n)
			require.Equal(t, before, l.waiters.Load())
		})
	}
}

func TestWaiterSleepsAndIsWoken(t *testing.T) {
	l := newLock(false)
	before := l.waiters.Load()
	l.Lock()
	got := make(chan struct{})
	go func() { l.Lock(); close(got) }()
	require.Eventually(t, func() bool { return l.waiters.Load() == before+1 }, 10*time.Second, time.Millisecond)
	l.Unlock()
	select {
	case <-got:
	case <-time.After(10 * time.Second):
		t.Fatal("the waiter was not woken")
	}
	l.Unlock()
}

func BenchmarkLock(b *testing.B) {
	l := newLock(false)
	n := 0
	for b.Loop() {
		l.Lock()
		n++
		l.Unlock()
	}
}
