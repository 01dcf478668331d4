package futex

import (
	"math"
	"sync/atomic"
	"time"
)

// Notice is a call that comes when a word is woken.
type Notice struct {
	s *sleeper
	// Where threads can't be shared:
	cancelled atomic.Bool
	returned  chan struct{}
}

// Notify calls f once, when w is woken or is not what it Is, perhaps early. It holds
// no goroutine and no thread, but a share of one. f must not block. The word must stay
// mapped until f is called or Cancel has returned. It never blocks.
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

// Cancel ends that: once it has returned the word is not touched any more. f may be
// called all the same, until then and after. Idempotent.
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
