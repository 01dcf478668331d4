package futex

import (
	"math"
	"sync/atomic"
	"time"
)

// Notice is a pending callback, made when a word is woken.
type Notice struct {
	s *sleeper
	// Used if futex_waitv is missing:
	cancelled atomic.Bool
	returned  chan struct{}
}

// Notify arranges for one call of f when w is woken or differs from its Is, and returns
// at once. The call may come spuriously. A Notice occupies no goroutine and only a share
// of a thread. f must not block. The word must stay mapped until f is called or Cancel
// has returned.
func Notify(w Word, f func()) *Notice {
	if !shared.usable() {
		n := &Notice{returned: make(chan struct{})}
		go n.wait(w, f)
		return n
	}
	n := &Notice{s: &sleeper{on: [2]Word{w}, n: 1, deadline: math.MaxInt64, notify: f}}
	shared.add(n.s)
	return n
}

// Cancel ends the watch. After it has returned, the word is no longer accessed. f may
// still be called, even after Cancel has returned. Cancel is idempotent.
func (n *Notice) Cancel(w Word) {
	if n.s != nil {
		shared.remove(n.s)
		return
	}
	n.cancelled.Store(true)
	for {
		wake(w.At, math.MaxInt32)
		select {
		case <-n.returned:
			return
		case <-time.After(10 * time.Microsecond):
		}
	}
}

func (n *Notice) wait(w Word, f func()) {
	for !n.cancelled.Load() && !w.changed() {
		_ = wait(w.At, w.Is, longest, true)
	}
	close(n.returned)
	f()
}
