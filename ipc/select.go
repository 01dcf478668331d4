package ipc

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/internal/futex"
)

// Select waits until the next call of one of the receivers would return a message or
// a final error, and returns the index of that receiver without taking the message.
// A closed Receiver is ready. If several are ready, Select chooses the one that it
// returned longest ago, so each gets its turn. If another goroutine is receiving
// from one of them, Select returns its index and ErrBusy. It checks ctx only if none
// is ready. If rs is empty or contains nil, the error wraps fs.ErrInvalid.
//
// One goroutine waits for all: a wait polls each receiver, and a sleeping call
// occupies a thread, and one more for each 127 receivers beyond 127.
func Select(ctx context.Context, rs ...*Receiver) (int, error) {
	if len(rs) == 0 {
		return -1, fmt.Errorf("select: %w", invalid("argument: want at least one receiver, got none"))
	}
	for i, r := range rs {
		if r == nil {
			return -1, fmt.Errorf("select: %w", invalid("argument: receiver %d is nil", i))
		}
	}
	var pauses uint32
	if len(rs) > maxSpun {
		pauses = neverSpin
	}
	w := selections.Get().(*selectWait)
	w.enter(rs)
	defer w.leave()
	for {
		if i := w.choose((*Receiver).readable); i >= 0 {
			return w.chosen(i)
		}
		if i := w.choose((*Receiver).readableAfterSettle); i >= 0 {
			return w.chosen(i)
		}
		if ctx.Err() != nil {
			return -1, fmt.Errorf("select: %w", ctx.Err())
		}
		// If none is ready, every receiver was entered, so this call may use the first one.
		if err := rs[0].endpoint.await(ctx, "select", w, pauses); err != nil && ctx.Err() == nil {
			return -1, err
		}
	}
}

// selectWait is the wait of Select. The first receiver's endpoint sleeps; a wake-up
// meant for any of the others is forwarded to it.
type selectWait struct {
	rs      []*Receiver
	entered []bool // this call entered it
	busy    []bool // another goroutine is inside
	bells   []futex.Word
}

var selections = sync.Pool{New: func() any { return new(selectWait) }}

// maxSpun is the number of receivers up to which Select spins.
const maxSpun = 16

// enter enters every receiver that it can. A receiver that is listed twice is
// entered once.
func (w *selectWait) enter(rs []*Receiver) {
	w.rs = append(w.rs, rs...)
	for i, r := range w.rs {
		entered := r.gate.Enter()
		w.busy = append(w.busy, !entered && !r.closing() && !w.has(i))
		w.entered = append(w.entered, entered)
	}
}

// has reports whether the receiver at i is also at a lower index that was entered.
func (w *selectWait) has(i int) bool {
	for j, r := range w.rs[:i] {
		if r == w.rs[i] && w.entered[j] {
			return true
		}
	}
	return false
}

func (w *selectWait) leave() {
	for i, r := range w.rs {
		if w.entered[i] {
			r.leave()
		}
	}
	clear(w.rs)
	clear(w.bells)
	w.rs, w.entered, w.busy, w.bells = w.rs[:0], w.entered[:0], w.busy[:0], w.bells[:0]
	selections.Put(w)
}

// turns is the number of receivers that Select has returned in this process.
var turns atomic.Uint64

// choose returns the index of the receiver that Select returned longest ago among
// those that are readable, closed or busy, or -1 if there is none.
func (w *selectWait) choose(readable func(*Receiver) bool) int {
	best := -1
	var oldest uint64
	for i, r := range w.rs {
		if !w.busy[i] && !r.closing() && !(w.entered[i] && readable(r)) {
			continue
		}
		if last := r.chosen.Load(); best < 0 || last < oldest {
			best, oldest = i, last
		}
	}
	return best
}

func (w *selectWait) chosen(i int) (int, error) {
	r := w.rs[i]
	r.chosen.Store(turns.Add(1))
	if w.busy[i] {
		return i, r.errBusy
	}
	return i, nil
}

func (w *selectWait) ready() bool {
	for i, r := range w.rs {
		if w.entered[i] && r.rx.Ready() {
			return true
		}
	}
	return false
}

func (w *selectWait) over() bool {
	for _, r := range w.rs {
		if r.closing() {
			return true
		}
	}
	return false
}

func (w *selectWait) moves() bool { return false }

func (w *selectWait) look() (again bool, err error) {
	return w.choose((*Receiver).readableAfterSettle) >= 0, nil
}

// announce announces on every doorbell, and fences once for all of them.
func (w *selectWait) announce() []futex.Word {
	w.bells = w.bells[:0]
	for i, r := range w.rs {
		if !w.entered[i] {
			continue
		}
		if i > 0 {
			r.proxy.Store(&w.rs[0].endpoint)
		}
		r.beat.Differs(r.rx.Position())
		w.bells = append(w.bells, futex.Word{At: r.bell.Word(), Is: r.bell.Seq()})
		r.bell.Announcing()
	}
	if !fence.Everywhere() {
		for _, r := range w.rs {
			r.bell.MustFence()
		}
	}
	return w.bells
}

func (w *selectWait) retract() {
	for i, r := range w.rs {
		if w.entered[i] {
			r.bell.Retract()
			r.beat.Disarm()
			r.proxy.Store(nil)
		}
	}
}
