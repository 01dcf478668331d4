package ipc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/shmchan/shmchan/internal/cpu"
	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/futex"
	"github.com/shmchan/shmchan/shm"
)

// rounds bounds how often a receiver without a message may find that there may be
// one now. Skipping the claims of the dead, at most one a slot, takes fewer; any
// more are caused by a peer that does nothing else.
func (r *Receiver) rounds() int { return r.ring.Senders() + 16 }

// next returns the next message in place, waiting for it. Precondition: the caller
// has entered.
func (r *Receiver) next(ctx context.Context) ([]byte, error) {
	for round := 0; ; round++ {
		msg, err := r.look()
		if err == nil || err != shm.ErrEmpty {
			return msg, err
		}
		if round > r.rounds() && ctx.Err() != nil {
			return nil, r.fail("recv", ctx.Err())
		}
		if err := r.await(ctx); err != nil {
			return nil, err
		}
	}
}

// tryNext is next without waiting.
func (r *Receiver) tryNext() ([]byte, error) {
	for round := 0; ; round++ {
		msg, err := r.look()
		if err == nil || err != shm.ErrEmpty {
			return msg, err
		}
		switch again, err := r.settle(); {
		case err != nil:
			return nil, r.orBroken("recv", err)
		case !again || round > r.rounds():
			return nil, r.errEmpty
		}
	}
}

// at returns the message that is ready, if any. Bytes read from it are valid only if
// the mapping is not broken afterwards.
func (r *Receiver) at() ([]byte, bool) {
	if r.final != nil {
		return nil, false
	}
	msg, err := r.rx.Next()
	if err == nil {
		failpoint.Hit(failpoint.MessageRead)
	}
	return msg, err == nil
}

// look returns the message that is ready, shm.ErrEmpty, or a final error.
func (r *Receiver) look() ([]byte, error) {
	if r.final != nil {
		return nil, r.final
	}
	msg, err := r.rx.Next()
	switch {
	case err == nil:
		failpoint.Hit(failpoint.MessageRead)
		return msg, nil
	case err != shm.ErrEmpty:
		err = r.fail("recv", err)
	}
	return nil, r.orBroken("recv", err)
}

// await waits once. After nil the caller looks again.
func (r *Receiver) await(ctx context.Context) error {
	if r.closing() {
		return r.errClosed
	}
	if r.spin.limit() > 0 {
		cpu.Pause(r.pace.gap(r.rx.Records()))
	}
	return r.endpoint.await(ctx, "recv", r.waits, 0)
}

// recvWait is the wait for a message.
type recvWait struct{ *Receiver }

func (w recvWait) ready() bool { return w.rx.Ready() }
func (w recvWait) over() bool  { return w.closing() }
func (w recvWait) moves() bool { return false }

// look does what a receiver without a message does before it sleeps.
func (w recvWait) look() (again bool, err error) {
	w.peers.refresh(w.seg, w.reaper.senders)
	again, err = w.settle()
	if err != nil {
		return false, w.orBroken("recv", err)
	}
	return again, nil
}

// announce also arms the beats, which check whether senders have claimed while this
// receiver sleeps.
func (w recvWait) announce() []futex.Word {
	w.beat.Differs(w.rx.Position())
	w.bells[0] = futex.Word{At: w.bell.Word(), Is: w.bell.Seq()}
	w.bell.Announce()
	return w.bells[:]
}

func (w recvWait) retract() {
	w.bell.Retract()
	w.beat.Disarm()
}

// settle does what a receiver without a message does before it waits: it skips the
// claim of a dead sender, and finds out whether any senders are left. again means
// that there may be a message now.
func (r *Receiver) settle() (again bool, err error) {
	r.rx.Review()
	inFlight, err := r.rx.InFlight()
	if err != nil {
		return false, r.fail("recv", err)
	}
	if inFlight {
		skipped, err := r.recover()
		if err != nil || skipped || r.rx.Ready() || !r.ring.Closed() {
			return skipped || r.rx.Ready(), err
		}
	}
	if r.closing() {
		return false, r.errClosed
	}
	if r.ring.Closed() { // not closed by this receiver: the channel was removed
		r.final = r.fail("recv", fmt.Errorf("%w: %w", ErrDisconnected, ErrRemoved))
		return false, r.final
	}
	return r.checkDisconnected()
}

func (r *Receiver) recover() (bool, error) {
	var probeErr error
	skipped, err := r.rx.Recover(func(slot int) bool {
		alive, err := r.seg.SenderAlive(slot)
		if err != nil {
			probeErr = err
		}
		return !alive && err == nil
	})
	if err == nil {
		err = probeErr
	}
	if err != nil {
		return false, r.fail("recv", err)
	}
	return skipped, nil
}

// abandoned reports whether the channel was removed, or whether no sender is
// attached although there were some, or although none can attach any more.
func (r *Receiver) abandoned() bool {
	if r.ring.Closed() {
		return true
	}
	if !r.ends() && !r.isNameless() {
		return false
	}
	key := r.alive.now(r.seg)
	if r.alive.still(key) {
		return false
	}
	alive, err := r.seg.AnySenderAlive()
	if alive && err == nil {
		r.alive.found(key)
	}
	return !alive && err == nil
}

// ends reports whether the receiver is disconnected as soon as no sender is
// attached.
func (r *Receiver) ends() bool {
	return !r.opts.KeepOpen && (r.hadSenders || r.seg.SendersSince())
}

// checkDisconnected returns ErrDisconnected if no sender is left, and there were
// some or none can attach any more.
func (r *Receiver) checkDisconnected() (again bool, err error) {
	if !r.abandoned() {
		return false, nil
	}
	if inFlight, err := r.rx.InFlight(); err != nil || inFlight {
		return inFlight, err // sent or claimed before the last sender detached
	}
	failpoint.Hit(failpoint.Alone)
	if !r.seg.Durable() {
		if again, err := r.latch(); err != nil || again {
			return again, err
		}
	}
	r.final = r.disconnected()
	return false, r.final
}

// disconnected returns the error that describes how the channel ended.
func (r *Receiver) disconnected() error {
	switch {
	case !r.nameless.Load() && !r.nameLost():
		return r.errDisconnected
	case r.ends():
		return r.fail("recv", fmt.Errorf("%w: the channel has lost its name: %w", ErrDisconnected, fs.ErrNotExist))
	}
	return r.fail("recv", fmt.Errorf("%w: no sender can attach: %w", ErrDisconnected, ErrRemoved))
}

// latch closes the channel to new senders. It holds the locks of all slots
// meanwhile: otherwise a sender could attach after the check that found none, send
// before it sees that the channel is closed, and never be received. again means that
// a sender is attaching or has sent: look again.
func (r *Receiver) latch() (again bool, err error) {
	r.reaper.mu.Lock() // reaping releases slot locks
	defer r.reaper.mu.Unlock()
	ok, err := r.seg.LockSenders()
	if err != nil || !ok {
		return err == nil, r.orBroken("recv", err)
	}
	inFlight, err := r.rx.InFlight()
	failpoint.Hit(failpoint.LastLook)
	if err == nil && !inFlight {
		r.ring.Close()
	}
	return inFlight, errors.Join(err, r.seg.UnlockSenders())
}
