package ipc

import (
	"sync"

	"github.com/shmchan/shmchan/shm"
)

// attachedAt remembers that the other side was found attached, so that the kernel
// need not be asked before each sleep. This holds until an endpoint attaches or
// detaches, or until one is noticed that may be dead.
//
// A detaching endpoint releases its lock before it counts the change (shm.Segment),
// so a process that reads the new count and then asks the kernel finds it gone. The
// key is read before the kernel is asked: a change in between makes the key stale.
type attachedAt struct {
	mu      sync.Mutex
	notices uint64
	last    attachedKey
}

type attachedKey struct{ notices, changes uint64 }

// now returns the current key.
func (a *attachedAt) now(seg *shm.Segment) attachedKey {
	a.mu.Lock()
	defer a.mu.Unlock()
	return attachedKey{a.notices + 1, seg.Changes()}
}

// still reports whether the other side was found attached at key k.
func (a *attachedAt) still(k attachedKey) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last == k
}

// found records that the other side was attached at key k.
func (a *attachedAt) found(k attachedKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = k
}

// forget records that an endpoint may be dead.
func (a *attachedAt) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.notices++
}
