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

// Codec turns values of type T into messages and back. One Codec serves all the
// goroutines that use an end and its clones, so its methods must be safe for
// concurrent use.
//
// Append appends v's bytes to dst and returns the longer slice, as the built-in
// append does. It keeps neither dst nor what it returns: that memory is used
// again for the next message.
//
// Decode gives the value that src holds. It must take any bytes whatever and
// return an error for those that it cannot use. It must not keep src, nor let
// the value point into it: copy what is to stay.
type Codec[T any] interface {
	Append(dst []byte, v T) ([]byte, error)
	Decode(src []byte) (T, error)
}

// Fingerprinter is a Codec that tells channels of different element types apart.
// The first end with a fingerprint other than 0 leaves it in the channel; an end
// that comes with another gets ErrIncompatible from its constructor. 0, and a
// Codec that is no Fingerprinter, goes with anything.
type Fingerprinter interface {
	Fingerprint() uint64
}

// checker is a codec whose construction may have failed.
type checker interface {
	check() error
}

// checkCodec says why c cannot carry values of its type, if it can't.
func checkCodec(c any) error {
	if c == nil {
		return fmt.Errorf("no codec: want JSON, Gob, Binary, Fixed or one of your own: %w", fs.ErrInvalid)
	}
	if c, ok := c.(checker); ok {
		return c.check()
	}
	return nil
}

// fingerprint is 0 for a codec that goes with anything.
func fingerprint(c any) uint64 {
	if c, ok := c.(Fingerprinter); ok {
		return c.Fingerprint()
	}
	return 0
}

// codecName is what errors call a codec.
func codecName(c any) string {
	if s, ok := c.(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprintf("%T", c)
}

type jsonCodec[T any] struct{}

// JSON is a Codec that makes each message one JSON text, by the rules of
// encoding/json. Decode refuses anything after the value.
func JSON[T any]() Codec[T] { return jsonCodec[T]{} }

// Append marshals through a pointer, so that a MarshalJSON of *T counts too.
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

// Gob is a Codec that makes each message a gob stream of its own, with the
// description of its type, so that any receiver can begin with any message. It
// costs some hundred bytes and some microseconds a message: for small values
// that are sent often, Fixed, Binary or a codec of your own is far cheaper.
func Gob[T any]() Codec[T] { return gobCodec[T]{} }

// Append encodes through a pointer, so that an interface type T arrives as such.
func (gobCodec[T]) Append(dst []byte, v T) ([]byte, error) {
	// gob panics at a nil pointer, which has no gob form.
	for rv := reflect.ValueOf(&v).Elem(); rv.Kind() == reflect.Pointer; rv = rv.Elem() {
		if rv.IsNil() {
			return dst, fmt.Errorf("a nil %s has no gob form: %w", rv.Type(), fs.ErrInvalid)
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
	// Append's parameter would put it on the heap at every call.
	boxes *sync.Pool
}

type box[P any] struct {
	value  P
	append func(dst []byte) ([]byte, error)
}

// Binary is a Codec for a T that knows its own binary form: T or *T is an
// encoding.BinaryAppender or else an encoding.BinaryMarshaler, and *T is an
// encoding.BinaryUnmarshaler. If it is neither of the first two, NewSenderOf and
// NewReceiverOf give an error that wraps fs.ErrInvalid. Neither method may keep
// its receiver.
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

// newBox gives nil if T cannot marshal itself. *T has all the methods of T.
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
	*b.value = zero // keeps nothing of the caller's alive
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
