package ipc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/shmchan/shmchan/internal/asymlock"
	"github.com/shmchan/shmchan/internal/futex"
	"github.com/shmchan/shmchan/internal/heartbeat"
	"github.com/shmchan/shmchan/shm"
)

// Receiver is the receiving end of a channel. It serves one goroutine at a time
// and gives ErrBusy to a second one; Close, Stats and Deaths may be called from
// any.
//
// Once it has given ErrDisconnected it gives that at every further call.
type Receiver struct {
	endpoint
	rx    *shm.Consumer
	bell  shm.Doorbell
	waits recvWait
	bells [1]futex.Word // what it sleeps on
	alive attachedAt    // some sender

	lineBeat *heartbeat.Beat // ticks while the same sender is first in line
	turnSeen shm.Turn        // at the last such tick

	pace pacer

	readiness readiness
	chosen    atomic.Uint64 // when Select last gave this one: see choose

	gate     asymlock.Gate // lets one call in at a time; handing: to its user's function
	finished chan struct{}
	closeErr error // written before finished is closed

	hadSenders bool        // senders were attached, or had left messages, when this end attached
	nameless   atomic.Bool // the tick found that the channel has lost its name

	final error // given at every further call

	reaper reaper
	stats  sync.Mutex // guards last, and the mapping against Close
	last   Stats      // as of Close
	ended  bool       // last is valid

	lent    bool       // Consume has handed messages out since the last Release or Rewind
	letgo   bool       // Release or Rewind came after Close; guarded by stats
	lingers *lingering // the mapping, after Close, for whoever has messages in place; guarded by stats

	errEmpty, errBusy error // made once: failing costs no allocation
}

// NewReceiver attaches the receiver to the channel of that name, and makes the
// channel if it is missing or dead. It gives ErrBusy if the channel has a
// receiver, ErrIncompatible or a *CorruptError if the file is no channel. It
// waits for nobody: it looks at ctx only if reserving the bytes of a new channel
// takes long.
func NewReceiver(ctx context.Context, name string, o *Options) (*Receiver, error) {
	return openReceiver(ctx, name, o, 0)
}

// openReceiver is NewReceiver for values with the fingerprint element.
func openReceiver(ctx context.Context, name string, o *Options, element uint64) (*Receiver, error) {
	opts, err := o.check()
	opts.element = element
	if err != nil {
		return nil, fmt.Errorf("recv %s: %w", name, err)
	}
	place, err := opts.place(name, true)
	if err != nil {
		return nil, fmt.Errorf("recv %s: %w", name, err)
	}
	var r *Receiver
	_, err = opts.openReceiver(ctx, place, func(seg *shm.Segment) (err error) {
		r, err = newReceiver(name, opts, seg)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("recv %s: %w", name, err)
	}
	r.reaper.init(r.seg)
	r.begin()
	return r, nil
}

// newReceiver does all of opening a receiver that can fail. Precondition: the caller
// has the segment's receiver lock, and has not attached.
func newReceiver(name string, opts opener, seg *shm.Segment) (*Receiver, error) {
	r := &Receiver{finished: make(chan struct{})}
	r.gate.Init(r.finish)
	r.init("recv", name, opts, seg, seg.ReceiverEndpoint())
	r.bell, r.waits = seg.Ring().Doorbell(), recvWait{r}
	r.rouse = r.bell.WakeAll
	r.errEmpty, r.errBusy = r.fail("recv", ErrEmpty), r.fail("recv", ErrBusy)
	var err error
	if r.rx, err = seg.Ring().NewConsumer(registered()); err != nil {
		return nil, err
	}
	attached, err := seg.AnySenderAttached() // those that come from here on are SendersSince
	if err != nil {
		return nil, err
	}
	left, err := r.rx.InFlight()
	if err != nil {
		return nil, err
	}
	if left && !attached {
		left = r.leftMessages()
		if r.rx, err = seg.Ring().NewConsumer(registered()); err != nil {
			return nil, err
		}
	}
	r.hadSenders = attached || left
	return r, nil
}

// leftMessages reports whether senders that have gone left a message. What they
// aborted, or died over, is none, and is cleared away. Damage counts as one: the
// first call tells of it. Precondition: no sender was attached. Its rx is spent.
func (r *Receiver) leftMessages() bool {
	for range r.rounds() {
		_, err := r.rx.Next()
		if err != shm.ErrEmpty {
			return true
		}
		if inFlight, err := r.rx.InFlight(); err != nil || !inFlight {
			return err != nil
		}
		if skipped, err := r.recover(); err != nil || !skipped {
			return err != nil // who claims now has come since: SendersSince
		}
	}
	return true // a peer works on nothing else
}

// enter begins a call of the one goroutine that may receive.
func (r *Receiver) enter() error {
	if !r.gate.Enter() {
		return r.refused()
	}
	return nil
}

// refused tells why there is no entering.
func (r *Receiver) refused() error {
	if r.closing() {
		return r.errClosed
	}
	return r.errBusy
}

// leave ends it, and finishes a Close that came meanwhile.
func (r *Receiver) leave() {
	used := r.readiness.used.Load()
	if used {
		r.rearm()
	}
	r.gate.Leave()
	if !used && r.readiness.used.Load() {
		r.readiness.offer()
	}
}

func (r *Receiver) closing() bool { return r.gate.Closed() }

// Recv returns the next message, a copy that is the caller's own. It blocks until
// one is there, ctx is done (which is looked at only before a wait), all senders
// have gone and everything is received (ErrDisconnected), or Close (ErrClosed).
func (r *Receiver) Recv(ctx context.Context) ([]byte, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	if msg, ok := r.short([]byte{}); ok {
		return msg, nil
	}
	msg, err := r.next(ctx)
	if err != nil {
		return nil, err
	}
	return r.took(make([]byte, 0, len(msg)), msg)
}

// RecvAppend is Recv with the message appended to dst, which is given back
// unchanged with an error.
func (r *Receiver) RecvAppend(ctx context.Context, dst []byte) ([]byte, error) {
	if err := r.enter(); err != nil {
		return dst, err
	}
	defer r.leave()
	if longer, ok := r.short(dst); ok {
		return longer, nil
	}
	msg, err := r.next(ctx)
	if err != nil {
		return dst, err
	}
	return r.took(dst, msg)
}

// TryRecv is Recv without waiting: ErrEmpty if no message is there now, which
// includes one that is still being written.
func (r *Receiver) TryRecv() ([]byte, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	if msg, ok := r.short([]byte{}); ok {
		return msg, nil
	}
	msg, err := r.tryNext()
	if err != nil {
		return nil, err
	}
	return r.took(make([]byte, 0, len(msg)), msg)
}

// tryRecvAppend is RecvAppend without waiting.
func (r *Receiver) tryRecvAppend(dst []byte) ([]byte, error) {
	if err := r.enter(); err != nil {
		return dst, err
	}
	defer r.leave()
	if longer, ok := r.short(dst); ok {
		return longer, nil
	}
	msg, err := r.tryNext()
	if err != nil {
		return dst, err
	}
	return r.took(dst, msg)
}

// short appends the next message to dst and releases it, if it is there and nothing is
// in the way.
func (r *Receiver) short(dst []byte) ([]byte, bool) {
	if r.final != nil {
		return dst, false
	}
	return r.rx.Append(dst, r.guard)
}

// took appends the message in hand to dst and releases it.
func (r *Receiver) took(dst, msg []byte) ([]byte, error) {
	n := len(dst)
	longer := slices.Grow(dst, len(msg))[:n+len(msg)]
	shm.Copy(longer[n:], msg)
	if r.guard.Broken() {
		return dst[:n], r.broken("recv")
	}
	r.rx.Release()
	return longer, nil
}

// Close detaches the receiver: senders get ErrDisconnected, and unless the
// channel is durable its file is removed; an error tells that it could not be: the
// receiver is detached nevertheless, and the next one replaces the file. A call that is blocked gives ErrClosed,
// and so does every later one. From within Consume's function, or while that
// runs, the channel is closed for senders at once, the rest follows when it has
// returned. Messages that Next and TryNext returned may still be looked at: their
// memory stays mapped until Release or Rewind is called (both return ErrClosed), or
// the Receiver is garbage. Idempotent.
func (r *Receiver) Close() error {
	if !r.gate.Close() {
		if !r.gate.Handing() {
			<-r.finished
		}
		return nil
	}
	r.rx.Halt()
	r.stats.Lock()
	if !r.ended && !r.seg.Durable() { // a call is in progress
		r.ring.Close()
	}
	r.stats.Unlock()
	r.wakeAll()
	if r.gate.Handing() {
		return nil
	}
	<-r.finished
	return r.closeErr
}

// finish detaches. It runs once: in Close, or in the call that Close met.
func (r *Receiver) finish() {
	r.readiness.close()
	r.lineBeat.Remove()
	r.quiet()
	var err error
	if !r.seg.Durable() {
		r.ring.Close()
		if err = r.seg.Unlink(2 * r.opts.Heartbeat); err != nil {
			err = fmt.Errorf("the channel is closed, but its file stays: %w", err)
		}
	}
	r.stats.Lock()
	r.last, r.ended = counts(r.name, r.seg), true
	err = errors.Join(err, r.seg.DetachReceiver(), r.unmap())
	r.stats.Unlock()
	if err != nil {
		r.closeErr = r.fail("close", err)
	}
	close(r.finished)
}
