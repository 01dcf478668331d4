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
// the closer pays for both fences. So either the leaver sees that it is closed, or
// the closer sees that nobody is in; if both, the first one finishes.
//
//	Enter  inside 0 → 1; closed: leave
//	Leave  inside = 0 (a release store); closed: finish, unless somebody does
//	Close  closed = 1; fence everywhere; inside = 0: finish, unless somebody does
//
// Enter's instruction fences between its two halves, so a call that comes when the
// closer has found nobody in finds the gate closed.
//
// Make it with Init. It must not be copied.
type Gate struct {
	inside    atomic.Uint64 // 0, or 1 within a call, or 2 while that hands on
	closed    atomic.Uint32
	finishing atomic.Bool
	finish    func()
	alone     bool // this process can't fence everywhere
}

const (
	out     = 0
	in      = 1
	handing = 2
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
	if g.finishing.CompareAndSwap(false, true) {
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
	if g.inside.Load() == out {
		g.last()
	}
	return true
}
