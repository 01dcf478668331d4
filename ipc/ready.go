package ipc

import (
	"sync"
	"sync/atomic"

	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/internal/futex"
)

// Ready returns a channel that receives a value whenever TryRecv would return
// anything but ErrEmpty, for use in a select statement. It is level-triggered: a
// program that takes one message for each value never hangs. A value may be stale if
// another call has taken the message; TryRecv then returns ErrEmpty. Every call
// returns the same channel, and Close closes it. Ready never blocks and is safe for
// concurrent use. A Receiver whose Ready is never called pays nothing for it.
func (r *Receiver) Ready() <-chan struct{} {
	d := &r.readiness
	d.mu.Lock()
	if d.values == nil {
		d.values = make(chan struct{}, 1)
		if d.closed {
			close(d.values)
		}
	}
	d.used.Store(true)
	d.mu.Unlock()
	// Either a call in progress sees used when it leaves, and offers a value then,
	// or it has already left, and Enter succeeds.
	fence.Everywhere()
	if r.gate.Enter() {
		r.leave() // calls rearm
	} else {
		d.offer()
	}
	return d.values
}

// readiness is the state behind Ready. A value is offered by
//
//   - each call of the Receiver, when it leaves (rearm): at once if the Receiver is
//     readable; otherwise it announces on the doorbell, checks again, and leaves a
//     Notice on the doorbell
//   - that Notice, when a sender has notified
//   - each tick of the Receiver: when endpoints have come or gone, when the name is lost,
//     and at each beat that finds claims beyond the receiver's position. So a message
//     whose value was taken, but which was not, is offered again.
//
// A value that is not taken stays, so offering never blocks. Nothing is missed: a
// message published before the check after the announcement is seen by it, and a
// later one rings.
type readiness struct {
	used atomic.Bool // Ready was called

	mu     sync.Mutex
	values chan struct{}
	closed bool
	notice *futex.Notice // on the doorbell, while its word is bell
	bell   futex.Word
}

// offer puts a value into the channel unless it holds one.
func (d *readiness) offer() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.values == nil || d.closed {
		return
	}
	select {
	case d.values <- struct{}{}:
	default:
	}
}

// withdraw takes back a stale value.
func (d *readiness) withdraw() {
	select {
	case <-d.values:
	default:
	}
}

// watch leaves a Notice on the doorbell.
func (d *readiness) watch(bell futex.Word) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || d.notice != nil && d.bell == bell {
		return
	}
	if d.notice != nil {
		d.notice.Cancel(d.bell)
	}
	d.bell = bell
	var notice *futex.Notice
	notice = futex.Notify(bell, func() {
		d.mu.Lock()
		if d.notice == notice {
			d.notice = nil
		}
		d.mu.Unlock()
		d.offer()
	})
	d.notice = notice
}

// close closes the channel. The doorbell is not touched afterwards.
func (d *readiness) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.notice != nil {
		d.notice.Cancel(d.bell)
		d.notice = nil
	}
	if d.values != nil {
		close(d.values)
	}
}

// rearm offers a value if the Receiver is readable, and otherwise arranges for one
// to be offered when it becomes so. Precondition: the caller has entered and is
// about to leave.
func (r *Receiver) rearm() {
	d := &r.readiness
	r.beat.Differs(r.rx.Position())
	if r.readable() {
		d.offer()
		return
	}
	d.withdraw()
	bell := futex.Word{At: r.bell.Word(), Is: r.bell.Seq()}
	r.bell.Announce()
	if r.readableAfterSettle() {
		r.bell.Retract()
		d.offer()
		return
	}
	d.watch(bell)
}

// readable reports whether the next call would return a message or a final error.
// Precondition: the caller has entered.
func (r *Receiver) readable() bool {
	return r.final != nil || r.closing() || r.guard.Broken() || r.rx.Pending()
}

// readableAfterSettle is readable after the work that TryRecv would do: it skips the
// claims of dead senders and finds out whether any senders are left.
func (r *Receiver) readableAfterSettle() bool {
	r.peers.refresh(r.seg, r.reaper.senders)
	for range r.rounds() {
		if r.readable() {
			return true
		}
		switch again, err := r.settle(); {
		case err != nil:
			return true
		case !again:
			return r.readable()
		}
	}
	return true // only a peer that does nothing else gets here
}
