package ipc

import (
	"context"
	"math"
)

// Consume waits for a message as Recv does, and then passes up to max messages to
// fn, in place and one by one, without waiting again; if max ≤ 0, all that are
// ready, but at most a ringful. It returns how many fn accepted. A message is
// released after fn returns nil for it. If fn returns an error, which Consume
// returns, or panics, the call ends and that message is received again. fn must not
// keep msg, nor call any method of the Receiver but Meta and Close.
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
	if r.closing() { // Close may be waiting for this call, and must not wait for fn
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

// Next returns the next message in place, without releasing it. It waits as Recv
// does. Successive calls advance through the ring; Release frees the space of all
// messages that they returned, and Rewind restarts at the first one not released.
// Space that is not released is unavailable to senders, so release before waiting for
// more.
//
// The slice is valid until Release or Rewind, or any other receiving call, which
// releases it too. If the Receiver is closed meanwhile, the slice remains readable
// until Release or Rewind; only the next receiver of a durable channel, which
// receives the message again, can give its space to the senders.
func (r *Receiver) Next(ctx context.Context) ([]byte, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	return r.next(ctx)
}

// TryNext is Next without waiting. It returns ErrEmpty if no message is ready.
func (r *Receiver) TryNext() ([]byte, error) {
	if !r.gate.Enter() {
		return nil, r.refused()
	}
	if msg, ok := r.at(); ok && !r.guard.Broken() {
		r.leave() // not deferred: no user code or memory is touched here
		return msg, nil
	}
	defer r.leave()
	return r.tryNext()
}

// Release frees the space of the messages that Next and TryNext returned: they are
// received, and senders may overwrite them. If Intact would return an error, Release
// returns it and releases nothing. After Close it returns ErrClosed and unmaps the
// messages' memory.
func (r *Receiver) Release() error {
	if err := r.enter(); err != nil {
		return r.letGo(err)
	}
	defer r.leave()
	if err := r.orBroken("recv", nil); err != nil {
		return err
	}
	r.rx.Release()
	r.lent = false
	return nil
}

// Intact returns an error if a page of the file was lost under this endpoint: a
// *CorruptError if the file was truncated, otherwise the file system's error.
// Messages that Next and TryNext returned may then have read as zeroes, so call
// Intact after reading them and before using what was read. It costs one load.
func (r *Receiver) Intact() error {
	if err := r.enter(); err != nil {
		return err
	}
	defer r.leave()
	return r.orBroken("recv", nil)
}

// Rewind makes Next start again at the first message that was not released. After
// Close it returns ErrClosed and unmaps the messages' memory.
func (r *Receiver) Rewind() error {
	if err := r.enter(); err != nil {
		return r.letGo(err)
	}
	defer r.leave()
	r.rx.Rewind()
	r.lent = false
	return nil
}

// Meta describes the message received last, or within Consume's function the message
// passed to it. Only the receiving goroutine may call it. It returns the zero Meta
// before the first message and after Close.
func (r *Receiver) Meta() Meta {
	if !r.gate.Handing() {
		if err := r.enter(); err != nil {
			return Meta{}
		}
		defer r.leave()
	}
	return Meta(r.rx.Origin())
}

// ReleaseFirst releases the first n of the messages that Next and TryNext returned
// since the last release. The others stay valid, and Next continues after them. It
// returns an error that wraps fs.ErrInvalid if n is negative or more than were
// returned, or Intact's error, and then releases nothing. It walks over the returned
// messages.
func (r *Receiver) ReleaseFirst(n int) error {
	if err := r.enter(); err != nil {
		return err
	}
	defer r.leave()
	if err := r.orBroken("recv", nil); err != nil {
		return err
	}
	held := r.rx.Unreleased()
	if n < 0 || n > held {
		return r.fail("recv", invalid("release of %d messages: want 0 to %d, the number returned", n, held))
	}
	// The returned messages are in the ring even if all senders have gone since.
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

// walk advances over n messages that were returned before.
func (r *Receiver) walk(n int) error {
	for range n {
		if _, err := r.tryNext(); err != nil {
			return err
		}
	}
	return nil
}
