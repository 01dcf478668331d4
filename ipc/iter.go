package ipc

import (
	"context"
	"errors"
	"iter"
)

// All yields messages, as copies that the caller owns, and waits for more until the
// channel is disconnected, which ends the iteration silently. It yields any other
// error, including ctx's, once, and then stops.
func (r *Receiver) All(ctx context.Context) iter.Seq2[[]byte, error] {
	return until(ErrDisconnected, func() ([]byte, error) { return r.Recv(ctx) })
}

// Drain yields the messages that are ready, as copies that the caller owns, without
// waiting. It stops silently when none is left. It yields any other error once, and
// then stops.
func (r *Receiver) Drain() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		until(ErrDisconnected, r.TryRecv)(func(msg []byte, err error) bool {
			return !errors.Is(err, ErrEmpty) && yield(msg, err)
		})
	}
}

// until yields what receive returns, until receive fails. It yields the error,
// unless it is end.
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
