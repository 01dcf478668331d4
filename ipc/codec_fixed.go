package ipc

import (
	"fmt"
	"hash"
	"hash/fnv"
	"io/fs"
	"reflect"
)

type fixedCodec[T any] struct {
	layout
	err error
}

// Fixed returns a Codec that copies a value's memory as it is. It is the fastest
// codec, for booleans, numbers, and arrays and structs of them. If T contains a
// pointer, slice, map, string, interface, channel or function, NewSenderOf and
// NewReceiverOf return an error that wraps fs.ErrInvalid and names the field.
//
// Padding between fields, and fields named _, are sent as zeroes: they carry nothing
// of the sender's memory, and equal values encode as equal messages (except that 0
// and -0 are equal floats and differ in their bytes).
//
// The channel carries a fingerprint of T's layout: kinds, sizes, offsets, field
// names and array lengths, but not T's name or package. An endpoint with another
// layout gets ErrIncompatible. A message whose length is not T's, which a Sender of
// bytes may send, does not decode, nor does one with a bool that is neither true nor
// false. All other bit patterns are valid values.
func Fixed[T any]() Codec[T] {
	t := reflect.TypeFor[T]()
	c := &fixedCodec[T]{}
	c.layout, c.err = layoutOf(t)
	if c.err != nil {
		c.err = fmt.Errorf("Fixed: %s: %w", t, c.err)
	}
	return c
}

func (c *fixedCodec[T]) check() error        { return c.err }
func (c *fixedCodec[T]) Fingerprint() uint64 { return c.print }
func (c *fixedCodec[T]) String() string      { return "Fixed" }

func (c *fixedCodec[T]) Append(dst []byte, v T) ([]byte, error) {
	if c.err != nil {
		return dst, c.err
	}
	at := len(dst)
	dst = append(dst, memoryOf(&v)...)
	zero(dst[at:], c.padding)
	return dst, nil
}

func (c *fixedCodec[T]) Decode(src []byte) (T, error) {
	var v T
	if c.err != nil {
		return v, c.err
	}
	mem := memoryOf(&v)
	if len(src) != len(mem) {
		return v, fmt.Errorf("%d bytes, want %d", len(src), len(mem))
	}
	copy(mem, src)
	// Compiled code assumes that a bool is 0 or 1; any other value may crash it.
	if err := checkBools(mem, c.bools); err != nil {
		clear(mem)
		return v, err
	}
	return v, nil
}

// layout describes the memory of a type.
type layout struct {
	print   uint64 // never 0
	padding []stretch
	bools   []stretch
}

// stretch is a part of a value's memory: size bytes at off, or, if inner is not
// empty, count parts of size bytes each, every one of which contains the stretches
// inner.
type stretch struct {
	off, size, count uintptr
	inner            []stretch
	field            string
}

// zero clears the given stretches of mem.
func zero(mem []byte, in []stretch) {
	for i := range in {
		s := &in[i]
		if len(s.inner) == 0 {
			clear(mem[s.off : s.off+s.size])
			continue
		}
		for n := range s.count {
			off := s.off + n*s.size
			zero(mem[off:off+s.size], s.inner)
		}
	}
}

// checkBools checks that every byte in the given stretches of mem is 0 or 1. It
// duplicates zero's loop: a function value in it would move mem to the heap.
func checkBools(mem []byte, in []stretch) error {
	for i := range in {
		s := &in[i]
		if len(s.inner) == 0 {
			for _, b := range mem[s.off : s.off+s.size] {
				if b > 1 {
					return fmt.Errorf("%s is neither true nor false", s.field)
				}
			}
			continue
		}
		for n := range s.count {
			off := s.off + n*s.size
			if err := checkBools(mem[off:off+s.size], s.inner); err != nil {
				return err
			}
		}
	}
	return nil
}

var errNotPlain = fmt.Errorf("only booleans, numbers, and arrays and structs of them can be copied as memory: %w", fs.ErrInvalid)

func layoutOf(t reflect.Type) (layout, error) {
	sum := fnv.New64a()
	w := layoutWalk{sum: sum}
	if err := w.walk(t, 0, ""); err != nil {
		return layout{}, err
	}
	return layout{print: max(sum.Sum64(), 1), padding: w.padding, bools: w.bools}, nil
}

// layoutWalk walks a type's memory in address order.
type layoutWalk struct {
	sum            hash.Hash // of a text that describes everything that must match
	padding, bools []stretch
}

func (w *layoutWalk) walk(t reflect.Type, off uintptr, field string) error {
	switch k := t.Kind(); k {
	case reflect.Bool:
		fmt.Fprint(w.sum, "bool;")
		w.bools = append(w.bools, stretch{off: off, size: 1, field: subject(field)})
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		fmt.Fprintf(w.sum, "int%d;", t.Size())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		fmt.Fprintf(w.sum, "uint%d;", t.Size())
	case reflect.Float32, reflect.Float64:
		fmt.Fprintf(w.sum, "float%d;", t.Size())
	case reflect.Complex64, reflect.Complex128:
		fmt.Fprintf(w.sum, "complex%d;", t.Size())
	case reflect.Array:
		return w.array(t, off, field)
	case reflect.Struct:
		return w.fields(t, off, field)
	default:
		return fmt.Errorf("%s is %s: %w", subject(field), kindName(k), errNotPlain)
	}
	return nil
}

func (w *layoutWalk) array(t reflect.Type, off uintptr, field string) error {
	elem := t.Elem()
	fmt.Fprintf(w.sum, "[%d]%d:", t.Len(), elem.Size())
	if t.Len() == 0 {
		return nil // no memory, whatever the element type
	}
	in := layoutWalk{sum: w.sum}
	if err := in.walk(elem, 0, field+"[]"); err != nil {
		return err
	}
	w.padding = repeat(w.padding, in.padding, t, off)
	if elem.Kind() == reflect.Bool {
		w.bools = append(w.bools, stretch{off: off, size: t.Size(), field: subject(field + "[]")})
	} else {
		w.bools = repeat(w.bools, in.bools, t, off)
	}
	return nil
}

// repeat appends to to the stretches inner, repeated for each element of array.
func repeat(to, inner []stretch, array reflect.Type, off uintptr) []stretch {
	if len(inner) == 0 {
		return to
	}
	return append(to, stretch{off: off, size: array.Elem().Size(), count: uintptr(array.Len()), inner: inner})
}

func (w *layoutWalk) fields(t reflect.Type, off uintptr, field string) error {
	fmt.Fprintf(w.sum, "struct%d{", t.Size())
	end := uintptr(0) // of the preceding fields
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Name
		if field != "" {
			name = field + "." + name
		}
		if f.Name == "_" {
			// Treated as padding: a copy of the struct need not preserve its memory.
			none := layoutWalk{sum: fnv.New64a()}
			if err := none.walk(f.Type, 0, name); err != nil {
				return err
			}
			continue
		}
		w.gap(off, end, f.Offset)
		fmt.Fprintf(w.sum, "%q@%d:", f.Name, f.Offset)
		if err := w.walk(f.Type, off+f.Offset, name); err != nil {
			return err
		}
		end = f.Offset + f.Type.Size()
	}
	w.gap(off, end, t.Size())
	fmt.Fprint(w.sum, "}")
	return nil
}

// gap records the padding from from to to in the struct at off.
func (w *layoutWalk) gap(off, from, to uintptr) {
	if to > from {
		w.padding = append(w.padding, stretch{off: off + from, size: to - from})
	}
}

func subject(field string) string {
	if field == "" {
		return "it"
	}
	return "field " + field
}

// kindName returns the name, in errors, of a kind that Fixed rejects.
func kindName(k reflect.Kind) string {
	switch k {
	case reflect.Pointer:
		return "a pointer"
	case reflect.UnsafePointer:
		return "an unsafe.Pointer"
	case reflect.Interface:
		return "an interface"
	case reflect.Chan:
		return "a channel"
	case reflect.Func:
		return "a function"
	}
	return "a " + k.String()
}
