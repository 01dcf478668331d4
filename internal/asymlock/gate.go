package asymlock

import (
	"sync/atomic"
	"time"

	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/internal/order"
)

// Gate admits one call at a time, refuses the others, and can be closed for good by
// any goroutine. finish runs exactly once: in Close if no call is inside, otherwise
// when that call leaves.
//
// As with Lock, only Enter is a locked instruction. "I am out; is it closed?" races
// with "it is closed; is a call inside?", and the closer pays for both fences.
//
//	Enter  inside out → in; closed: leave
//	Leave  inside = out (a release store); closed: last
//	Close  closed = 1; fence everywhere; last
//	last   inside out → shut, for good: the goroutine that does so calls finish
//
// So either the leaver sees that the gate is closed, or the closer sees that no call
// is inside. If another call enters after the leaver stored out and before the gate
// is closed, that call is the last. shm/model/gate.pml checks this.
//
// Call Init before use. A Gate must not be copied.
type Gate struct {
	inside atomic.Uint64
	closed atomic.Uint32
	finish func()
	alone  bool // this process can't fence everywhere
}

// The states of inside.
const (
	out     = iota
	in      // a call is in progress
	handing // a call is in progress and runs the user's function
	shut    // finished, or about to be
)

// Init prepares the gate. finish is called once, when the gate is closed and empty.
func (g *Gate) Init(finish func()) { g.finish, g.alone = finish, !fence.Register() }

// Enter begins a call. It returns false if another call is in progress or the gate is
// closed.
func (g *Gate) Enter() bool {
	return g.inside.CompareAndSwap(out, in) && (g.closed.Load() == 0 || g.turnBack())
}

func (g *Gate) turnBack() bool {
	g.Leave()
	return false
}

// Leave ends a call.
func (g *Gate) Leave() {
	g.set(out)
	if g.closed.Load() != 0 {
		g.last()
	}
}

func (g *Gate) last() {
	if g.inside.CompareAndSwap(out, shut) {
		g.finish()
	}
}

// Hand records whether the call in progress runs the user's function.
func (g *Gate) Hand(on bool) {
	if on {
		g.set(handing)
	} else {
		g.set(in)
	}
}

func (g *Gate) set(state uint64) {
	if g.alone {
		g.inside.Store(state)
	} else {
		order.Store64(&g.inside, state)
	}
}

// Closed reports whether the gate is closed.
func (g *Gate) Closed() bool { return g.closed.Load() != 0 }

// Handing reports whether the call in progress runs the user's function.
func (g *Gate) Handing() bool { return g.inside.Load() == handing }

// Close closes the gate, and reports whether it was the first to do so.
func (g *Gate) Close() bool {
	if g.closed.Swap(1) != 0 {
		return false
	}
	if !fence.Everywhere() && !g.alone {
		// The kernel now refuses membarrier. A call that is leaving may not see that the
		// gate is closed, but its store becomes visible within this time.
		time.Sleep(refused)
	}
	g.last()
	return true
}
