// Package turn has a mutex that costs one locked instruction: Unlock is a plain
// store and a load.
//
// sync.Mutex's Unlock is a locked instruction too, since an unlocker must not miss
// a waiter: "I free it, then look whether somebody waits" against "I say that I
// wait, then look whether it is free" needs a fence on both sides. Here the waiter
// pays for both, by membarrier (package fence), and only when the lock was held:
//
//	Unlock  held = 0 (a release store); if waiters ≠ 0: wake one
//	Lock    held 0 → 1; or else: waiters+1; fence everywhere; again and again:
//	        held 0 → 1, or sleep until woken; then waiters-1
//
// No sleeper is forgotten: the fence lies between the waiter's count and its next
// try, so that either this try sees held = 0, or the unlocker that stored it sees
// the count. A waiter is counted until it has the lock, so whoever takes the lock
// in front of it wakes it again. shm/model/lock.pml checks this.
package turn

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/internal/order"
)

// Lock is a mutual exclusion lock. Make it with Init. It must not be copied.
type Lock struct {
	held    atomic.Uint64 // 0 → 1 → 0
	waiters atomic.Int32
	// alone: this process can't fence everywhere. One waiter too many is counted, so
	// that every Unlock takes the way of waking, whose mutex is a fence.
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

// looks is how often a waiter looks before it sleeps: what the lock guards takes
// tens of nanoseconds.
const looks = 30

func (l *Lock) wait() {
	for range looks {
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
		// The kernel has come to refuse it: an unlocker may not see the count.
		l.mu.Unlock()
		time.Sleep(refused)
		l.mu.Lock()
	}
}

// refused is how often a waiter looks whom nobody can be sure to wake.
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
