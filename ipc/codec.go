package ipc

import (
	"bytes"
	"encoding"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"io/fs"
	"reflect"
	"sync"
)

// Codec encodes values of type T as messages and decodes them. All goroutines that
// use an endpoint or its clones share one Codec, so its methods must be safe for
// concurrent use.
//
// Append appends the encoding of v to dst and returns the extended slice, as the
// built-in append does. It must not keep dst or the slice that it returns: that
// memory is reused for the next message.
//
// Decode returns the value that src encodes. It must accept arbitrary bytes, and
// return an error for those that it cannot decode. It must not keep src, nor let the
// value refer to it: copy what the value needs.
type Codec[T any] interface {
	Append(dst []byte, v T) ([]byte, error)
	Decode(src []byte) (T, error)
}

// Fingerprinter is a Codec that distinguishes channels of different element types.
// The first endpoint whose fingerprint is not 0 stores it in the channel; if another
// endpoint has a different one, its constructor returns ErrIncompatible. The
// fingerprint 0, and a Codec that is not a Fingerprinter, match every channel.
type Fingerprinter interface {
	Fingerprint() uint64
}

// checker is a codec whose construction can fail.
type checker interface {
	check() error
}

// checkCodec returns an error if c cannot carry values of its type.
func checkCodec(c any) error {
	if c == nil {
		return fmt.Errorf("nil codec: want JSON, Gob, Binary, Fixed or another Codec: %w", fs.ErrInvalid)
	}
	if c, ok := c.(checker); ok {
		return c.check()
	}
	return nil
}

// fingerprint returns the fingerprint of c, or 0 if c matches every channel.
func fingerprint(c any) uint64 {
	if c, ok := c.(Fingerprinter); ok {
		return c.Fingerprint()
	}
	return 0
}

// codecName returns the name of a codec in errors.
func codecName(c any) string {
	if s, ok := c.(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprintf("%T", c)
}

type jsonCodec[T any] struct{}

// JSON returns a Codec that encodes each message as one JSON text, by the rules of
// encoding/json. Decode rejects data after the value.
func JSON[T any]() Codec[T] { return jsonCodec[T]{} }

// Append marshals through a pointer, so that it also uses a MarshalJSON method of
// *T.
func (jsonCodec[T]) Append(dst []byte, v T) ([]byte, error) {
	text, err := json.Marshal(&v)
	if err != nil {
		return dst, err
	}
	return append(dst, text...), nil
}

func (jsonCodec[T]) Decode(src []byte) (T, error) {
	var v T
	err := json.Unmarshal(src, &v)
	return v, err
}

func (jsonCodec[T]) String() string { return "JSON" }

type gobCodec[T any] struct{}

// Gob returns a Codec that encodes each message as a gob stream of its own,
// including the description of its type, so that a receiver can start with any
// message. It costs some hundred bytes and some microseconds for each message: for
// small values that are sent often, Fixed, Binary or a custom codec is far cheaper.
func Gob[T any]() Codec[T] { return gobCodec[T]{} }

// Append encodes through a pointer, so that an interface type T is preserved.
func (gobCodec[T]) Append(dst []byte, v T) ([]byte, error) {
	// gob panics on a nil pointer.
	for rv := reflect.ValueOf(&v).Elem(); rv.Kind() == reflect.Pointer; rv = rv.Elem() {
		if rv.IsNil() {
			return dst, fmt.Errorf("gob cannot encode a nil %s: %w", rv.Type(), fs.ErrInvalid)
		}
	}
	w := bytes.NewBuffer(dst)
	if err := gob.NewEncoder(w).Encode(&v); err != nil {
		return dst, err
	}
	return w.Bytes(), nil
}

func (gobCodec[T]) Decode(src []byte) (T, error) {
	var v T
	r := bytes.NewReader(src)
	if err := gob.NewDecoder(r).Decode(&v); err != nil {
		return v, err
	}
	if r.Len() > 0 {
		return v, fmt.Errorf("%d bytes after the value", r.Len())
	}
	return v, nil
}

func (gobCodec[T]) String() string { return "Gob" }

type binaryCodec[T any, P interface {
	*T
	encoding.BinaryUnmarshaler
}] struct {
	err error
	// boxes holds *box[P]: a value marshals through a pointer, and a pointer to
	// Append's parameter would move it to the heap in every call.
	boxes *sync.Pool
}

type box[P any] struct {
	value  P
	append func(dst []byte) ([]byte, error)
}

// Binary returns a Codec for a T with a binary form of its own: T or *T is an
// encoding.BinaryAppender or an encoding.BinaryMarshaler (the former is preferred),
// and *T is an encoding.BinaryUnmarshaler. If it is neither of the first two,
// NewSenderOf and NewReceiverOf return an error that wraps fs.ErrInvalid. None of
// these methods may keep its receiver.
func Binary[T any, P interface {
	*T
	encoding.BinaryUnmarshaler
}]() Codec[T] {
	c := binaryCodec[T, P]{boxes: new(sync.Pool)}
	if newBox[T, P]() == nil {
		c.err = fmt.Errorf("Binary: neither %[1]s nor *%[1]s is an encoding.BinaryAppender or an encoding.BinaryMarshaler: %[2]w",
			reflect.TypeFor[T](), fs.ErrInvalid)
		return c
	}
	c.boxes.New = func() any { return newBox[T, P]() }
	return c
}

// newBox returns nil if T cannot marshal itself. *T has all the methods of T.
func newBox[T any, P interface {
	*T
	encoding.BinaryUnmarshaler
}]() *box[P] {
	b := &box[P]{value: P(new(T))}
	switch m := any(b.value).(type) {
	case encoding.BinaryAppender:
		b.append = m.AppendBinary
	case encoding.BinaryMarshaler:
		b.append = func(dst []byte) ([]byte, error) {
			data, err := m.MarshalBinary()
			return append(dst, data...), err
		}
	default:
		return nil
	}
	return b
}

func (c binaryCodec[T, P]) check() error { return c.err }

func (c binaryCodec[T, P]) Append(dst []byte, v T) ([]byte, error) {
	if c.err != nil {
		return dst, c.err
	}
	b := c.boxes.Get().(*box[P])
	*b.value = v
	out, err := b.append(dst)
	var zero T
	*b.value = zero // or the pool would keep the caller's data alive
	c.boxes.Put(b)
	return out, err
}

func (c binaryCodec[T, P]) Decode(src []byte) (T, error) {
	var v T
	if c.err != nil {
		return v, c.err
	}
	err := P(&v).UnmarshalBinary(src)
	return v, err
}

func (binaryCodec[T, P]) String() string { return "Binary" }
