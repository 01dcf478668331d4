package ipc

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/internal/futex"
)

// Select waits until the next call of one of the receivers has something to say: a
// message, or an error that is final. It takes no message, and returns the index of
// that receiver; of those that are ready, the one that was given longest ago, so each
// gets its turn. A receiver that was closed is ready. If another goroutine is receiving
// from one, Select returns its index and ErrBusy. ctx is looked at only if none is
// ready. Without receivers, or with one that is nil, the error wraps fs.ErrInvalid.
//
// One goroutine waits for all: a wait costs a look at each of the receivers, and a call
// that sleeps a thread, and one more for each 127 receivers beyond 127.
func Select(ctx context.Context, rs ...*Receiver) (int, error) {
	if len(rs) == 0 {
		return -1, fmt.Errorf("select: %w", invalid("no receivers: give at least one"))
	}
	for i, r := range rs {
		if r == nil {
			return -1, fmt.Errorf("select: %w", invalid("receiver %d is nil", i))
		}
	}
	var pauses uint32
	if len(rs) > mostSpun {
		pauses = neverSpin
	}
	w := selections.Get().(*selectWait)
	w.enter(rs)
	defer w.leave()
	for {
		if i := w.choose((*Receiver).says); i >= 0 {
			return w.chosen(i)
		}
		if i := w.choose((*Receiver).saysSettled); i >= 0 {
			return w.chosen(i)
		}
		if ctx.Err() != nil {
			return -1, fmt.Errorf("select: %w", ctx.Err())
		}
		// With none to be chosen all have been entered, so the first is this call's.
		if err := rs[0].endpoint.await(ctx, "select", w, pauses); err != nil && ctx.Err() == nil {
			return -1, err
		}
	}
}

// selectWait is the wait of Select, on behalf of the first receiver's end: what is to
// be told to any of them is told to that one's sleeper.
type selectWait struct {
	rs      []*Receiver
	entered []bool // by this call
	busy    []bool // another goroutine is in there
	bells   []futex.Word
}

var selections = sync.Pool{New: func() any { return new(selectWait) }}

// mostSpun is how many receivers are looked at in a spin.
const mostSpun = 16

// enter enters every receiver that can be. One that is given twice is entered once.
func (w *selectWait) enter(rs []*Receiver) {
	w.rs = append(w.rs, rs...)
	for i, r := range w.rs {
		entered := r.gate.Enter()
		w.busy = append(w.busy, !entered && !r.closing() && !w.has(i))
		w.entered = append(w.entered, entered)
	}
}

// has reports whether the receiver at i is one that was entered before.
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

// turns counts what Select has given, in all.
var turns atomic.Uint64

// choose returns the receiver that was given longest ago of those that say something,
// are closed or are busy, or -1.
func (w *selectWait) choose(says func(*Receiver) bool) int {
	best := -1
	var oldest uint64
	for i, r := range w.rs {
		if !w.busy[i] && !r.closing() && !(w.entered[i] && says(r)) {
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
	return w.choose((*Receiver).saysSettled) >= 0, nil
}

// announce announces on all bells, and fences once for all.
func (w *selectWait) announce() []futex.Word {
	w.bells = w.bells[:0]
	for i, r := range w.rs {
		if !w.entered[i] {
			continue
		}
		if i > 0 {
			r.hears.Store(&w.rs[0].endpoint)
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
			r.hears.Store(nil)
		}
	}
}
