package ipc

import (
	"sync"
	"sync/atomic"

	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/internal/futex"
)

// Ready returns a channel that gets one value whenever TryRecv would return anything
// but ErrEmpty, for use in a select statement. It is level-triggered: a program that
// takes one message for each value never hangs. A value may be stale, since the message
// was taken by another call; then TryRecv returns ErrEmpty. It is the same channel at
// each call, and Close closes it. Ready never blocks, any goroutine may call it and wait
// on the channel. Receiving without having called Ready costs nothing for it.
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
	// A call in progress either sees used when it has left, and offers a value then, or
	// has left for Enter to see.
	fence.Everywhere()
	if r.gate.Enter() {
		r.leave() // arms
	} else {
		d.offer()
	}
	return d.values
}

// readiness is what a Receiver's Ready needs. Its value is offered by
//
//   - the end of each call of the Receiver (rearm): if there is more, the value is
//     offered; else the bell is announced, it is looked once more, and a Notice is
//     left on the bell
//   - that Notice, when a sender has rung
//   - each tick of the Receiver: ends that came and went, a name that was lost, and, at
//     each beat, claims beyond what was received. A message that is there because a value
//     was taken but not the message is told of again so.
//
// A value that nobody has taken stays, so offering never blocks. Nothing that comes is
// missed: it comes before the look behind the announcement, or else it rings.
type readiness struct {
	used atomic.Bool // Ready was called

	mu     sync.Mutex
	values chan struct{}
	closed bool
	notice *futex.Notice // on the bell, while it is bell
	bell   futex.Word
}

// offer gives a value unless there is one.
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

// withdraw takes a value back that is stale.
func (d *readiness) withdraw() {
	select {
	case <-d.values:
	default:
	}
}

// watch leaves a Notice on the bell.
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

// close closes the channel. The bell is not touched from then on.
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

// rearm offers a value if the next call has something to say, and else sees to it that
// one is offered when it has. Precondition: the caller has entered, and is about to
// leave.
func (r *Receiver) rearm() {
	d := &r.readiness
	r.beat.Differs(r.rx.Position())
	if r.says() {
		d.offer()
		return
	}
	d.withdraw()
	bell := futex.Word{At: r.bell.Word(), Is: r.bell.Seq()}
	r.bell.Announce()
	if r.saysSettled() {
		r.bell.Retract()
		d.offer()
		return
	}
	d.watch(bell)
}

// says reports whether the next call has something to say but ErrEmpty. Precondition:
// the caller has entered.
func (r *Receiver) says() bool {
	return r.final != nil || r.closing() || r.guard.Broken() || r.rx.Pending()
}

// saysSettled is says after all that TryRecv would do: claims of the dead are skipped,
// and it is found out whether senders are left.
func (r *Receiver) saysSettled() bool {
	r.peers.refresh(r.seg, r.reaper.senders)
	for range r.rounds() {
		if r.says() {
			return true
		}
		switch again, err := r.settle(); {
		case err != nil:
			return true
		case !again:
			return r.says()
		}
	}
	return true // a peer works on nothing else
}
