package ipc

import (
	"context"
	"errors"
	"iter"
)

// All yields messages, copies that are the caller's own, and waits for more until
// the channel is disconnected, which ends it silently. Any other error, ctx's
// among them, is yielded once, last.
func (r *Receiver) All(ctx context.Context) iter.Seq2[[]byte, error] {
	return until(ErrDisconnected, func() ([]byte, error) { return r.Recv(ctx) })
}

// Drain yields the messages that are there, copies that are the caller's own,
// without waiting. It ends silently when none is left; any other error is yielded
// once, last.
func (r *Receiver) Drain() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		until(ErrDisconnected, r.TryRecv)(func(msg []byte, err error) bool {
			return !errors.Is(err, ErrEmpty) && yield(msg, err)
		})
	}
}

// until yields what receive gives, until it gives the error end, silently, or
// another one, once.
func until[T any](end error, receive func() (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			v, err := receive()
			if err != nil {
				if !errors.Is(err, end) {
					yield(v, err)
				}
				return
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}
