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

// Receiver is the receiving endpoint of a channel. It serves one goroutine at a time
// and returns ErrBusy to a second one. Close, Stats, Deaths and Ready are safe for
// concurrent use.
//
// After a call has returned ErrDisconnected, every further call returns it too.
//
// NewReceiver makes Receivers. A nil *Receiver and the zero value are not usable.
type Receiver struct {
	endpoint
	rx    *shm.Consumer
	bell  shm.Doorbell
	waits recvWait
	bells [1]futex.Word // what the receiver sleeps on
	alive attachedAt    // when a sender was last found attached

	lineBeat *heartbeat.Beat // ticks while the same sender is first in line
	turnSeen shm.Turn        // at the last such tick

	pace pacer

	readiness readiness
	chosen    atomic.Uint64 // when Select last returned this receiver: see choose

	gate     asymlock.Gate // lets one call in at a time; Handing while the user's function runs
	finished chan struct{}
	closeErr error // written before finished is closed

	hadSenders bool        // senders were attached, or had left messages, when this receiver attached
	nameless   atomic.Bool // a tick found that the channel has lost its name

	final error // what every further call returns

	reaper reaper
	stats  sync.Mutex // guards last, and the mapping against Close
	last   Stats      // as of Close
	ended  bool       // last is valid

	lent     bool       // Consume has handed messages out since the last Release or Rewind
	userDone bool       // Release or Rewind was called after Close; guarded by stats
	lingers  *lingering // the mapping after Close, while the user may hold messages in place; guarded by stats

	errEmpty, errBusy error // made once: failing does not allocate
}

// NewReceiver attaches the receiver to the channel called name, and makes the
// channel if it is missing or dead. It returns ErrBusy if the channel has a
// receiver, and ErrIncompatible or a *CorruptError if the file is not a channel. It
// waits for no peer, and checks ctx only while it reserves the bytes of a new
// channel.
func NewReceiver(ctx context.Context, name string, o *Options) (*Receiver, error) {
	return openReceiver(ctx, name, o, 0)
}

// openReceiver is NewReceiver for values whose fingerprint is element.
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

// newReceiver performs every step of opening a receiver that can fail.
// Preconditions: the caller holds the segment's receiver lock and has not attached.
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
	attached, err := seg.AnySenderAttached() // SendersSince covers those that attach later
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

// leftMessages reports whether senders that have gone left a message. Claims that
// they aborted or died over do not count, and are cleared away. Damage counts: the
// first call reports it. Precondition: no sender was attached. r.rx must not be used
// afterwards.
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
			return err != nil // a claim in flight belongs to a newcomer: SendersSince
		}
	}
	return true // only a peer that does nothing else gets here
}

// enter begins a receiving call. It fails if another goroutine is inside.
func (r *Receiver) enter() error {
	if !r.gate.Enter() {
		return r.refused()
	}
	return nil
}

// refused returns the reason why enter failed.
func (r *Receiver) refused() error {
	if r.closing() {
		return r.errClosed
	}
	return r.errBusy
}

// leave ends a receiving call, and finishes a Close that was called meanwhile.
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

// Recv returns a copy of the next message; the caller owns it. Recv blocks until a
// message arrives, ctx is done, the channel is drained and has no senders
// (ErrDisconnected), or the Receiver is closed (ErrClosed). It checks ctx only
// before it waits.
func (r *Receiver) Recv(ctx context.Context) ([]byte, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	if msg, ok := r.tryAppend([]byte{}); ok {
		return msg, nil
	}
	msg, err := r.next(ctx)
	if err != nil {
		return nil, err
	}
	return r.copyOut(make([]byte, 0, len(msg)), msg)
}

// RecvAppend is Recv, but appends the message to dst and returns the extended slice.
// On error it returns dst unchanged.
func (r *Receiver) RecvAppend(ctx context.Context, dst []byte) ([]byte, error) {
	if err := r.enter(); err != nil {
		return dst, err
	}
	defer r.leave()
	if longer, ok := r.tryAppend(dst); ok {
		return longer, nil
	}
	msg, err := r.next(ctx)
	if err != nil {
		return dst, err
	}
	return r.copyOut(dst, msg)
}

// TryRecv is Recv without waiting. It returns ErrEmpty if no message is ready; a
// message that is still being written is not.
func (r *Receiver) TryRecv() ([]byte, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	if msg, ok := r.tryAppend([]byte{}); ok {
		return msg, nil
	}
	msg, err := r.tryNext()
	if err != nil {
		return nil, err
	}
	return r.copyOut(make([]byte, 0, len(msg)), msg)
}

// tryRecvAppend is RecvAppend without waiting.
func (r *Receiver) tryRecvAppend(dst []byte) ([]byte, error) {
	if err := r.enter(); err != nil {
		return dst, err
	}
	defer r.leave()
	if longer, ok := r.tryAppend(dst); ok {
		return longer, nil
	}
	msg, err := r.tryNext()
	if err != nil {
		return dst, err
	}
	return r.copyOut(dst, msg)
}

// tryAppend appends the next message to dst and releases it, if a message is ready
// and needs no further check.
func (r *Receiver) tryAppend(dst []byte) ([]byte, bool) {
	if r.final != nil {
		return dst, false
	}
	return r.rx.Append(dst, r.guard)
}

// copyOut appends to dst the message msg that Next returned, and releases it.
func (r *Receiver) copyOut(dst, msg []byte) ([]byte, error) {
	n := len(dst)
	longer := slices.Grow(dst, len(msg))[:n+len(msg)]
	shm.Copy(longer[n:], msg)
	if r.guard.Broken() {
		return dst[:n], r.broken("recv")
	}
	r.rx.Release()
	return longer, nil
}

// Close detaches the receiver: senders get ErrDisconnected, and the file is removed
// unless the channel is durable. If it can't be removed Close returns an error, but
// the receiver is detached, and the next one replaces the file. Blocked and later
// calls return ErrClosed.
//
// While Consume's function runs, Close closes the channel for senders at once, and
// Consume detaches the receiver when it returns. Messages that Next and TryNext
// returned stay readable until Release or Rewind is called (both return ErrClosed),
// or until the Receiver is garbage collected. Close is idempotent.
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

// finish detaches the receiver. It runs exactly once: in Close if no call is inside,
// otherwise when that call leaves.
func (r *Receiver) finish() {
	r.readiness.close()
	r.lineBeat.Remove()
	r.quiet()
	var err error
	if !r.seg.Durable() {
		r.ring.Close()
		if err = r.seg.Unlink(2 * r.opts.Heartbeat); err != nil {
			err = fmt.Errorf("the channel is closed, but its file could not be removed: %w", err)
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
