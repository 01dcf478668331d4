package turn

import (
	"sync/atomic"
	"time"

	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/internal/order"
)

// Gate lets one call in at a time, refuses the others, and can be closed for good by
// anyone. Whoever is last to be there when it is closed finishes, once: the call that
// was inside, as it leaves, or else the closer.
//
// As with Lock, only Enter is a locked instruction. Leaving is "I am out, then look
// whether it is closed" against "I close it, then look whether somebody is in":
// the closer pays for both fences.
//
//	Enter  inside out → in; closed: leave
//	Leave  inside = out (a release store); closed: last
//	Close  closed = 1; fence everywhere; last
//	last   inside out → shut, for good: who does that finishes
//
// So either the leaver sees that it is closed, or the closer sees that nobody is in.
// Another call may have come in behind the leaver's back, before the gate was closed:
// then that one is the last. shm/model/gate.pml checks this.
//
// Make it with Init. It must not be copied.
type Gate struct {
	inside atomic.Uint64
	closed atomic.Uint32
	finish func()
	alone  bool // this process can't fence everywhere
}

// What inside says.
const (
	out     = iota
	in      // a call is in progress
	handing // the same, in its user's hands
	shut    // finished, or about to be
)

// Init prepares the gate. finish is what the last one calls.
func (g *Gate) Init(finish func()) { g.finish, g.alone = finish, !fence.Register() }

// Enter begins a call. False: another one is in progress, or the gate is closed.
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

// Hand says that the call in progress is in its user's hands, or no more.
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

// Handing reports whether the call in progress is in its user's hands.
func (g *Gate) Handing() bool { return g.inside.Load() == handing }

// Close closes the gate, and reports whether it was the first to do so.
func (g *Gate) Close() bool {
	if g.closed.Swap(1) != 0 {
		return false
	}
	if !fence.Everywhere() && !g.alone {
		// The kernel has come to refuse it: a call that is leaving may not see that
		// the gate is closed, but it is out as soon as its store arrives.
		time.Sleep(refused)
	}
	g.last()
	return true
}
