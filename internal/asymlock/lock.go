// Package asymlock provides a lock and a gate built on asymmetric fences: their common
// paths cost one locked instruction, and the rare path pays for the fences of both
// sides.
//
// The Unlock of a sync.Mutex is a locked instruction, as its Lock is, because an
// unlocker must not miss a waiter: "free the lock, then check for waiters" races with
// "register as a waiter, then check whether the lock is free", and needs a fence on
// each side. Here the waiter pays for both fences, by membarrier (package fence), and
// only if the lock was held:
//
//	Unlock  held = 0 (a release store); if waiters ≠ 0: wake one
//	Lock    held 0 → 1; or else: waiters+1; fence everywhere; again and again:
//	        held 0 → 1, or sleep until woken; then waiters-1
//
// No waiter is left asleep: the fence lies between the increment of waiters and the
// waiter's next try, so either that try sees held = 0, or the unlocker that stored it
// sees the count. A waiter is counted until it has the lock, so a goroutine that takes
// the lock ahead of it wakes it again. shm/model/lock.pml checks this.
package asymlock

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/internal/order"
)

// Lock is a mutual exclusion lock. Call Init before use. A Lock must not be copied.
type Lock struct {
	held    atomic.Uint64 // 0 → 1 → 0
	waiters atomic.Int32
	// alone: this process can't fence everywhere. waiters is then one too high, so
	// every Unlock takes the path that wakes, whose mutex is a fence.
	alone bool
	mu    sync.Mutex
	freed sync.Cond
}

// Init prepares the lock.
func (l *Lock) Init() { l.init(!fence.Register()) }

func (l *Lock) init(alone bool) {
	l.freed.L = &l.mu
	if l.alone = alone; alone {
		l.waiters.Store(1)
	}
}

// Lock waits until the lock is free and takes it.
func (l *Lock) Lock() {
	if !l.held.CompareAndSwap(0, 1) {
		l.wait()
	}
}

// tries is the number of attempts before a waiter sleeps: the critical sections take
// tens of nanoseconds.
const tries = 30

func (l *Lock) wait() {
	for range tries {
		if l.held.Load() == 0 && l.held.CompareAndSwap(0, 1) {
			return
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiters.Add(1)
	defer l.waiters.Add(-1)
	reached := fence.Everywhere()
	for !l.held.CompareAndSwap(0, 1) {
		if reached || l.alone {
			l.freed.Wait()
			continue
		}
		// The kernel now refuses membarrier: an unlocker may not see the count.
		l.mu.Unlock()
		time.Sleep(refused)
		l.mu.Lock()
	}
}

// refused is the polling interval of a waiter that an unlocker may fail to wake since
// the kernel refuses membarrier.
const refused = 50 * time.Microsecond

// Unlock frees the lock. Precondition: it is held.
func (l *Lock) Unlock() {
	order.Store64(&l.held, 0)
	if l.waiters.Load() != 0 {
		l.wake()
	}
}

func (l *Lock) wake() {
	l.mu.Lock()
	l.freed.Signal()
	l.mu.Unlock()
}
