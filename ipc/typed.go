package ipc

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
)

// SenderOf is a Sender of values, each of which a Codec encodes as one message. It
// is safe for concurrent use.
//
// NewSenderOf and Clone make SenderOfs. A nil *SenderOf and the zero value are not
// usable.
type SenderOf[T any] struct {
	s     *Sender
	codec Codec[T]
	pool  *sync.Pool // of *scratch, shared with clones
}

// scratch holds the messages that values are encoded into.
type scratch struct {
	buf  []byte
	ends []int
	msgs [][]byte
}

// NewSenderOf is NewSender for values that c encodes. It returns ErrIncompatible if
// c is a Fingerprinter and the channel carries values of another type, and an error
// that wraps fs.ErrInvalid if c cannot carry a T.
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

// Send sends v. It blocks while the ring is full, until ctx is done, and returns the
// errors of Sender.Send. If the codec returns an error, nothing is sent.
func (s *SenderOf[T]) Send(ctx context.Context, v T) error {
	b := s.pool.Get().(*scratch)
	defer s.pool.Put(b)
	if err := s.encode(b, v); err != nil {
		return err
	}
	return s.s.Send(ctx, b.buf)
}

// TrySend is Send without waiting. It returns ErrFull where Send would block.
func (s *SenderOf[T]) TrySend(v T) error {
	b := s.pool.Get().(*scratch)
	defer s.pool.Put(b)
	if err := s.encode(b, v); err != nil {
		return err
	}
	return s.s.TrySend(b.buf)
}

// encode encodes v into b.buf.
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

// SendBatch sends vs in order, as Sender.SendBatch does, and returns how many it
// sent, always the first n. If the codec returns an error for any of them, none is
// sent.
func (s *SenderOf[T]) SendBatch(ctx context.Context, vs []T) (int, error) {
	b := s.pool.Get().(*scratch)
	defer s.pool.Put(b)
	buf := b.buf[:0]
	b.ends, b.msgs = b.ends[:0], b.msgs[:0]
	for i := range vs {
		out, err := s.codec.Append(buf, vs[i])
		if err == nil && len(out) < len(buf) {
			err = errors.New("Append returned less than dst")
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
	clear(b.msgs) // or they would keep the buffer alive after it is replaced by a larger one
	return n, err
}

// Flush waits until every message that this sender has sent is received, or ctx is
// done.
func (s *SenderOf[T]) Flush(ctx context.Context) error { return s.s.Flush(ctx) }

// Clone attaches another sender to the same channel, with a slot of its own.
func (s *SenderOf[T]) Clone() (*SenderOf[T], error) {
	clone, err := s.s.Clone()
	if err != nil {
		return nil, err
	}
	return &SenderOf[T]{s: clone, codec: s.codec, pool: s.pool}, nil
}

// Close detaches this sender, as Sender.Close does.
func (s *SenderOf[T]) Close() error { return s.s.Close() }

// Sender returns the underlying Sender.
func (s *SenderOf[T]) Sender() *Sender { return s.s }

// ReceiverOf is a Receiver of values, each of which a Codec decodes from one
// message. It serves one goroutine at a time and returns ErrBusy to a second one.
// Close may be called at any time.
//
// NewReceiverOf makes ReceiverOfs. A nil *ReceiverOf and the zero value are not usable.
type ReceiverOf[T any] struct {
	r     *Receiver
	codec Codec[T]
	busy  atomic.Bool // guards buf
	buf   []byte
}

// Ready is Receiver.Ready.
func (r *ReceiverOf[T]) Ready() <-chan struct{} { return r.r.Ready() }

// NewReceiverOf is NewReceiver for messages that c decodes. It returns
// ErrIncompatible if c is a Fingerprinter and the channel carries values of another
// type, and an error that wraps fs.ErrInvalid if c cannot carry a T.
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

// DecodeError reports a message that was taken from the channel but does not decode
// as a value of the receiver's type. The channel is intact; receiving continues with
// the next message.
type DecodeError struct {
	Name  string // of the channel
	Meta  Meta   // which message, and who sent it
	Codec string // its String method's result, or else its Go type
	Err   error  // returned by its Decode
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("recv %s: message %d at position %d (index %d, slot %d): decode with %s: %v",
		e.Name, e.Meta.Seq, e.Meta.Position, e.Meta.Index, e.Meta.Slot, e.Codec, e.Err)
}

// Unwrap returns the codec's error.
func (e *DecodeError) Unwrap() error { return e.Err }

// Recv waits for a message, until ctx is done, takes it and returns its value. It
// returns the errors of Receiver.Recv, or a *DecodeError, in which case the message
// is gone from the channel and the next call continues with the next message.
func (r *ReceiverOf[T]) Recv(ctx context.Context) (T, error) {
	return r.take(func(buf []byte) ([]byte, error) { return r.r.RecvAppend(ctx, buf) })
}

// TryRecv is Recv without waiting. It returns ErrEmpty where Recv would block.
func (r *ReceiverOf[T]) TryRecv() (T, error) {
	return r.take(r.r.tryRecvAppend)
}

// take lets next append a message to the buffer, and decodes it there. The codec
// must see a copy: a faulty sender may change the bytes in the ring while they are
// decoded.
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

// All yields values until the channel is disconnected. It yields a *DecodeError for
// each message that does not decode, and continues. It yields any other error once,
// and then stops.
func (r *ReceiverOf[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return r.each(func() (T, error) { return r.Recv(ctx) })
}

// Drain is All for the messages that are ready: it does not wait.
func (r *ReceiverOf[T]) Drain() iter.Seq2[T, error] {
	return r.each(r.TryRecv)
}

func (r *ReceiverOf[T]) each(next func() (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			v, err := next()
			if err != nil {
				// Checked first: a codec's error may wrap one of the channel's.
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

// Receiver returns the underlying Receiver. Its Meta describes the message of the
// value received last.
func (r *ReceiverOf[T]) Receiver() *Receiver { return r.r }
