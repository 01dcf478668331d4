package ipc

import (
	"context"
	"math"
)

// Consume waits for a message as Recv does and then hands up to max of them to
// fn, in place and one by one, without waiting again; with max ≤ 0, all that are
// there, but at most a ring full. It returns how many fn took. A message is
// released when fn has returned nil; if fn fails, which ends the call with its
// error, or panics, that message is not taken and comes again. fn must not keep msg
// nor call the Receiver, but for Meta and Close.
func (r *Receiver) Consume(ctx context.Context, max int, fn func(msg []byte) error) (n int, err error) {
	if err := r.enter(); err != nil {
		return 0, err
	}
	whole := false
	defer func() {
		if !whole { // fn failed or panicked
			r.rx.Rewind()
		}
		r.leave()
	}()
	msg, err := r.next(ctx)
	lap := r.rx.Position() + uint64(r.ring.Capacity())
	r.gate.Hand(true)
	if r.closing() { // Close may wait for this call: it is not to wait for fn
		return 0, r.errClosed
	}
	if err != nil {
		whole = true
		return 0, err
	}
	r.lent = true
	if err := fn(msg); err != nil {
		return 0, err
	}
	if r.guard.Broken() {
		return 0, r.broken("recv")
	}
	r.rx.Release()
	if max <= 0 {
		max = math.MaxInt
	}
	n, err = r.rx.Each(max-1, lap, r.guard, fn)
	n++
	if r.guard.Broken() {
		return n, r.broken("recv")
	}
	whole = err == nil
	return n, err
}

// Next returns the next message in place, without releasing it, waiting for one
// as Recv does. Successive calls walk on through the ring; Release gives back all
// that they returned, Rewind starts again at the first that was not released. The
// slice is valid until Release or Rewind; any other receiving call releases it too.
// If the Receiver is closed meanwhile it may still be read, until Release or Rewind;
// only the next receiver of a durable channel, which gets the message again, can
// give its room to the senders. Room that is not released is missing to the senders:
// release before waiting for more.
func (r *Receiver) Next(ctx context.Context) ([]byte, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	return r.next(ctx)
}

// TryNext is Next without waiting: ErrEmpty if no message is there now.
func (r *Receiver) TryNext() ([]byte, error) {
	if !r.gate.Enter() {
		return nil, r.refused()
	}
	if msg, ok := r.at(); ok && !r.guard.Broken() {
		r.leave() // not deferred: there is no user's code or memory on this way
		return msg, nil
	}
	defer r.leave()
	return r.tryNext()
}

// Release gives the messages that Next and TryNext returned back to the senders.
// It gives what Intact gives, and then has released nothing. After Close it returns
// ErrClosed, and their memory is unmapped.
func (r *Receiver) Release() error {
	if err := r.enter(); err != nil {
		return r.letGo(err)
	}
	defer r.leave()
	if err := r.sound("recv", nil); err != nil {
		return err
	}
	r.rx.Release()
	r.lent = false
	return nil
}

// Intact returns an error if the file lost a page under this end: a *CorruptError
// if it was truncated, else the file system's. What was read of messages that Next
// and TryNext returned may then be zeroes. Look after reading them, before using
// what was read. It is one load.
func (r *Receiver) Intact() error {
	if err := r.enter(); err != nil {
		return err
	}
	defer r.leave()
	return r.sound("recv", nil)
}

// Rewind forgets that Next and TryNext returned the messages that were not
// released: they come again. After Close it returns ErrClosed, and their memory is
// unmapped.
func (r *Receiver) Rewind() error {
	if err := r.enter(); err != nil {
		return r.letGo(err)
	}
	defer r.leave()
	r.rx.Rewind()
	r.lent = false
	return nil
}

// Meta tells where the message came from that was received last, or that
// Consume's fn has in hand. It belongs to the receiving goroutine; after Close,
// or before the first message, it is empty.
func (r *Receiver) Meta() Meta {
	if !r.gate.Handing() {
		if err := r.enter(); err != nil {
			return Meta{}
		}
		defer r.leave()
	}
	return Meta(r.rx.Origin())
}

// ReleaseFirst gives the first n of the messages that Next and TryNext returned
// since the last release back to the senders, and keeps the others: they stay
// valid, and the next call of Next goes on behind them. It gives what Intact gives,
// or an error that wraps fs.ErrInvalid if fewer were returned, and then has
// released nothing. It costs a walk over the messages that were returned.
func (r *Receiver) ReleaseFirst(n int) error {
	if err := r.enter(); err != nil {
		return err
	}
	defer r.leave()
	if err := r.sound("recv", nil); err != nil {
		return err
	}
	held := r.rx.Unreleased()
	if n < 0 || n > held {
		return r.fail("recv", invalid("release of %d messages: from 0 to the %d that were returned", n, held))
	}
	// What was returned is there, whoever has gone meanwhile.
	final := r.final
	r.final = nil
	defer func() { r.final = final }()
	r.rx.Rewind()
	if err := r.walk(n); err != nil {
		return err
	}
	if n > 0 {
		r.rx.Release()
	}
	return r.walk(held - n)
}

// walk goes on by n messages that were returned before.
func (r *Receiver) walk(n int) error {
	for range n {
		if _, err := r.tryNext(); err != nil {
			return err
		}
	}
	return nil
}
