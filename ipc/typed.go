package ipc

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
)

// SenderOf is a Sender of values: a Codec makes each of them one message. It is
// safe for concurrent use.
type SenderOf[T any] struct {
	s     *Sender
	codec Codec[T]
	pool  *sync.Pool // of *scratch, shared with clones
}

// scratch is where values become messages before they are sent.
type scratch struct {
	buf  []byte
	ends []int
	msgs [][]byte
}

// NewSenderOf is NewSender for values that c turns into messages. It gives
// ErrIncompatible if c is a Fingerprinter and the channel carries values of
// another type, and an error that wraps fs.ErrInvalid if c cannot carry a T.
func NewSenderOf[T any](ctx context.Context, name string, c Codec[T], o *Options) (*SenderOf[T], error) {
	if err := checkCodec(c); err != nil {
		return nil, fmt.Errorf("send %s: %w", name, err)
	}
	s, err := openSender(ctx, name, o, fingerprint(c))
	if err != nil {
		return nil, err
	}
	pool := &sync.Pool{New: func() any { return new(scratch) }}
	return &SenderOf[T]{s: s, codec: c, pool: pool}, nil
}

// Send sends v. It blocks while the ring is full, until ctx is done, and gives
// what Sender.Send gives; a value that the codec refuses is not sent.
func (s *SenderOf[T]) Send(ctx context.Context, v T) error {
	b := s.pool.Get().(*scratch)
	defer s.pool.Put(b)
	if err := s.encode(b, v); err != nil {
		return err
	}
	return s.s.Send(ctx, b.buf)
}

// TrySend is Send without waiting: ErrFull where Send would block.
func (s *SenderOf[T]) TrySend(v T) error {
	b := s.pool.Get().(*scratch)
	defer s.pool.Put(b)
	if err := s.encode(b, v); err != nil {
		return err
	}
	return s.s.TrySend(b.buf)
}

// encode makes b.buf v's message.
func (s *SenderOf[T]) encode(b *scratch, v T) error {
	out, err := s.codec.Append(b.buf[:0], v)
	if err != nil {
		return s.refused(err)
	}
	b.buf = out
	return nil
}

func (s *SenderOf[T]) refused(err error) error {
	return s.s.fail("send", fmt.Errorf("encode with %s: %w", codecName(s.codec), err))
}

// SendBatch sends vs in their order with as few claims as Sender.SendBatch needs,
// and gives the number sent: always the first n. If the codec refuses one of
// them, none is sent.
func (s *SenderOf[T]) SendBatch(ctx context.Context, vs []T) (int, error) {
	b := s.pool.Get().(*scratch)
	defer s.pool.Put(b)
	buf := b.buf[:0]
	b.ends, b.msgs = b.ends[:0], b.msgs[:0]
	for i := range vs {
		out, err := s.codec.Append(buf, vs[i])
		if err == nil && len(out) < len(buf) {
			err = errors.New("its Append gave less than dst")
		}
		if err != nil {
			return 0, s.refused(fmt.Errorf("value %d: %w", i, err))
		}
		buf = out
		b.ends = append(b.ends, len(buf))
	}
	b.buf = buf
	from := 0
	for _, end := range b.ends {
		b.msgs = append(b.msgs, buf[from:end])
		from = end
	}
	n, err := s.s.SendBatch(ctx, b.msgs)
	clear(b.msgs) // a buffer that grew since would be held by them
	return n, err
}

// Flush waits until all that this sender sent is received, or ctx is done.
func (s *SenderOf[T]) Flush(ctx context.Context) error { return s.s.Flush(ctx) }

// Clone gives one more sender of the same channel, with a slot of its own.
func (s *SenderOf[T]) Clone() (*SenderOf[T], error) {
	clone, err := s.s.Clone()
	if err != nil {
		return nil, err
	}
	return &SenderOf[T]{s: clone, codec: s.codec, pool: s.pool}, nil
}

// Close detaches this sender, as Sender.Close does.
func (s *SenderOf[T]) Close() error { return s.s.Close() }

// Sender gives the bytes end below, for what it can do besides.
func (s *SenderOf[T]) Sender() *Sender { return s.s }

// ReceiverOf is a Receiver of values: a Codec makes each message one of them. It
// serves one goroutine at a time and gives ErrBusy to a second; Close may be
// called at any time.
type ReceiverOf[T any] struct {
	r     *Receiver
	codec Codec[T]
	busy  atomic.Bool // guards buf
	buf   []byte
}

// Ready is Receiver.Ready.
func (r *ReceiverOf[T]) Ready() <-chan struct{} { return r.r.Ready() }

// NewReceiverOf is NewReceiver for messages that c turns into values. It gives
// ErrIncompatible if c is a Fingerprinter and the channel carries values of
// another type, and an error that wraps fs.ErrInvalid if c cannot carry a T.
func NewReceiverOf[T any](ctx context.Context, name string, c Codec[T], o *Options) (*ReceiverOf[T], error) {
	if err := checkCodec(c); err != nil {
		return nil, fmt.Errorf("recv %s: %w", name, err)
	}
	r, err := openReceiver(ctx, name, o, fingerprint(c))
	if err != nil {
		return nil, err
	}
	return &ReceiverOf[T]{r: r, codec: c}, nil
}

// DecodeError says that a message was taken but is no value of the receiver's
// type. The channel is sound and goes on with the next message.
type DecodeError struct {
	Name  string // of the channel
	Meta  Meta   // which message, and who sent it
	Codec string // what its String method gives, else its Go type
	Err   error  // what its Decode gave
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("recv %s: message %d at position %d (index %d, slot %d): decode with %s: %v",
		e.Name, e.Meta.Seq, e.Meta.Position, e.Meta.Index, e.Meta.Slot, e.Codec, e.Err)
}

// Unwrap gives the codec's own error.
func (e *DecodeError) Unwrap() error { return e.Err }

// Recv waits for a message, until ctx is done, takes it and gives its value. It
// gives what Receiver.Recv gives, or a *DecodeError: then the message is gone
// from the channel and the next call goes on with the next.
func (r *ReceiverOf[T]) Recv(ctx context.Context) (T, error) {
	return r.take(func(buf []byte) ([]byte, error) { return r.r.RecvAppend(ctx, buf) })
}

// TryRecv is Recv without waiting: ErrEmpty where Recv would block.
func (r *ReceiverOf[T]) TryRecv() (T, error) {
	return r.take(r.r.tryRecvAppend)
}

// take has next append a message to the buffer, and decodes it there: the codec
// must see a copy, for what stands in the ring may change under its hands if a
// sender has gone mad.
func (r *ReceiverOf[T]) take(next func(buf []byte) ([]byte, error)) (T, error) {
	var zero T
	if !r.busy.CompareAndSwap(false, true) {
		return zero, r.r.errBusy
	}
	defer r.busy.Store(false)
	buf, err := next(r.buf[:0])
	if err != nil {
		return zero, err
	}
	r.buf = buf
	return r.decode(buf)
}

func (r *ReceiverOf[T]) decode(msg []byte) (T, error) {
	v, err := r.codec.Decode(msg)
	if err != nil {
		var zero T
		return zero, &DecodeError{Name: r.r.name, Meta: r.r.Meta(), Codec: codecName(r.codec), Err: err}
	}
	return v, nil
}

// All yields the values until the channel is disconnected. A message that does
// not decode is yielded as its *DecodeError, and the iteration goes on; any
// other error is yielded once, last.
func (r *ReceiverOf[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return r.each(func() (T, error) { return r.Recv(ctx) })
}

// Drain is All for the messages that are there now: it waits for none.
func (r *ReceiverOf[T]) Drain() iter.Seq2[T, error] {
	return r.each(r.TryRecv)
}

func (r *ReceiverOf[T]) each(next func() (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			v, err := next()
			if err != nil {
				// First, for a codec's own error may look like the channel's.
				var bad *DecodeError
				if !errors.As(err, &bad) {
					if !errors.Is(err, ErrDisconnected) && !errors.Is(err, ErrEmpty) {
						yield(v, err)
					}
					return
				}
			}
			if !yield(v, err) {
				return
			}
		}
	}
}

// Close detaches this receiver, as Receiver.Close does, and unblocks its Recv.
func (r *ReceiverOf[T]) Close() error { return r.r.Close() }

// Receiver gives the bytes end below, for what it can do besides: Meta tells
// where the value came from that was received last.
func (r *ReceiverOf[T]) Receiver() *Receiver { return r.r }
