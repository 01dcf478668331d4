package ipc

import (
	"sync"

	"github.com/shmchan/shmchan/shm"
)

// attachedAt remembers that the other side was found to be attached, so that the
// kernel need not be asked before each sleep. That holds until an end attaches or
// detaches, or one is noticed that may be dead.
//
// A detaching end gives its lock back before it counts the change (shm.Segment), so
// who reads the new count and then asks finds it gone. The key is read before the
// kernel is asked: what happens in between makes it stale.
type attachedAt struct {
	mu      sync.Mutex
	notices uint64
	last    attachedKey
}

type attachedKey struct{ notices, changes uint64 }

// now returns the key of the present moment.
func (a *attachedAt) now(seg *shm.Segment) attachedKey {
	a.mu.Lock()
	defer a.mu.Unlock()
	return attachedKey{a.notices + 1, seg.Changes()}
}

// still reports whether the other side was found attached at that key.
func (a *attachedAt) still(k attachedKey) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last == k
}

// found notes that it was.
func (a *attachedAt) found(k attachedKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = k
}

// forget notes that an end may be dead.
func (a *attachedAt) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.notices++
}
