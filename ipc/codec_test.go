package ipc_test

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

type order struct {
	ID    uint64
	Side  bool
	Price float64
	Tags  [3]int16
}

// pair has MarshalBinary on the value and no AppendBinary.
type pair struct{ A, B uint32 }

func (p pair) MarshalBinary() ([]byte, error) {
	if p.A == math.MaxUint32 {
		return nil, errRefused
	}
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, p.A), p.B), nil
}

func (p *pair) UnmarshalBinary(data []byte) error {
	if len(data) != 8 {
		return errors.New("a pair is 8 bytes")
	}
	p.A, p.B = binary.BigEndian.Uint32(data), binary.BigEndian.Uint32(data[4:])
	return nil
}

// word has AppendBinary on the pointer. Its MarshalBinary must not be called.
type word struct{ s string }

func (w *word) AppendBinary(dst []byte) ([]byte, error) { return append(dst, w.s...), nil }
func (w *word) MarshalBinary() ([]byte, error)          { panic("MarshalBinary called instead of AppendBinary") }
func (w *word) UnmarshalBinary(data []byte) error       { w.s = string(data); return nil }

// mute can be decoded but not encoded.
type mute struct{}

func (*mute) UnmarshalBinary([]byte) error { return nil }

var errRefused = errors.New("refused")

// roundTrip appends each value to a prefix, which must stay, and overwrites the buffer
// after decoding, which must not change the value.
func roundTrip[T any](t *testing.T, c ipc.Codec[T], values ...T) {
	t.Helper()
	for _, v := range values {
		msg, err := c.Append([]byte("prefix"), v)
		require.NoError(t, err)
		require.Equal(t, "prefix", string(msg[:6]))
		got, err := c.Decode(msg[6:])
		require.NoError(t, err)
		for i := range msg {
			msg[i] = 0xff
		}
		require.Equal(t, v, got)
	}
}

func TestCodecsRoundTrip(t *testing.T) {
	o := order{ID: 1 << 60, Side: true, Price: -2.5, Tags: [3]int16{-1, 0, 1}}
	t.Run("JSON", func(t *testing.T) {
		roundTrip(t, ipc.JSON[order](), o, order{})
		roundTrip(t, ipc.JSON[map[string][]int](), map[string][]int{"a": {1, 2}}, nil)
		roundTrip(t, ipc.JSON[*order](), &o, nil)
		roundTrip(t, ipc.JSON[string](), "", "<&>\x00\u2028")
	})
	t.Run("Gob", func(t *testing.T) {
		gob.Register(order{})
		roundTrip(t, ipc.Gob[order](), o, order{})
		roundTrip(t, ipc.Gob[map[string]int](), map[string]int{"a": 1})
		roundTrip(t, ipc.Gob[*order](), &o)
		roundTrip[any](t, ipc.Gob[any](), o, nil)
	})
	t.Run("Binary", func(t *testing.T) {
		roundTrip(t, ipc.Binary[pair](), pair{1, 2}, pair{})
		roundTrip(t, ipc.Binary[word](), word{"hello"}, word{})
		roundTrip(t, ipc.Binary[time.Time](), time.Unix(1, 2).UTC())
	})
	t.Run("Fixed", func(t *testing.T) {
		roundTrip(t, ipc.Fixed[order](), o, order{})
		roundTrip(t, ipc.Fixed[uint8](), 0, 255)
		roundTrip(t, ipc.Fixed[[2]complex64](), [2]complex64{1 + 2i, -1})
		roundTrip(t, ipc.Fixed[struct{}](), struct{}{})
		roundTrip(t, ipc.Fixed[float64](), math.Inf(-1), math.SmallestNonzeroFloat64)
	})
}

func TestGobMessagesStandAlone(t *testing.T) {
	c := ipc.Gob[order]()
	first, err := c.Append(nil, order{ID: 1})
	require.NoError(t, err)
	second, err := c.Append(nil, order{ID: 2})
	require.NoError(t, err)

	v, err := c.Decode(second)
	require.NoError(t, err)
	require.EqualValues(t, 2, v.ID)
	v, err = c.Decode(first)
	require.NoError(t, err)
	require.EqualValues(t, 1, v.ID)

	_, err = c.Decode(append(first, second...))
	require.ErrorContains(t, err, "after the value")
}

func TestJSONUsesThePointersMarshaler(t *testing.T) {
	c := ipc.JSON[shouted]()
	msg, err := c.Append(nil, shouted{"hey"})
	require.NoError(t, err)
	require.Equal(t, `"HEY!"`, string(msg))
}

type shouted struct{ s string }

func (s *shouted) MarshalJSON() ([]byte, error) {
	return bytes.ToUpper([]byte(`"` + s.s + `!"`)), nil
}

func TestCodecsRefuseToEncode(t *testing.T) {
	for name, encode := range map[string]func(dst []byte) ([]byte, error){
		"JSON of a channel":            func(d []byte) ([]byte, error) { return ipc.JSON[chan int]().Append(d, nil) },
		"JSON of a NaN":                func(d []byte) ([]byte, error) { return ipc.JSON[float64]().Append(d, math.NaN()) },
		"Gob of a function":            func(d []byte) ([]byte, error) { return ipc.Gob[func()]().Append(d, nil) },
		"Gob of a nil pointer":         func(d []byte) ([]byte, error) { return ipc.Gob[*order]().Append(d, nil) },
		"Binary whose marshaler fails": func(d []byte) ([]byte, error) { return ipc.Binary[pair]().Append(d, pair{A: math.MaxUint32}) },
		"Binary without a marshaler":   func(d []byte) ([]byte, error) { return ipc.Binary[mute]().Append(d, mute{}) },
		"Fixed of a string":            func(d []byte) ([]byte, error) { return ipc.Fixed[string]().Append(d, "x") },
	} {
		t.Run(name, func(t *testing.T) {
			dst, err := encode([]byte("kept"))
			require.Error(t, err)
			require.Equal(t, "kept", string(dst))
		})
	}
}

func FuzzCodecsDecodeAnything(f *testing.F) {
	for _, seed := range [][]byte{nil, {0}, {0xff}, []byte("{}"), []byte(`{"ID":1}x`), make([]byte, 32)} {
		f.Add(seed)
	}
	whole, err := ipc.Gob[order]().Append(nil, order{ID: 7})
	require.NoError(f, err)
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Fuzz(func(t *testing.T, src []byte) {
		keep := bytes.Clone(src)
		decodeThenEncode(t, ipc.JSON[order](), src)
		decodeThenEncode(t, ipc.Gob[order](), src)
		decodeThenEncode(t, ipc.Binary[pair](), src)
		decodeThenEncode(t, ipc.Fixed[order](), src)
		require.Equal(t, keep, src, "Decode wrote into src")
	})
}

// decodeThenEncode checks that a value decoded from src can be encoded.
func decodeThenEncode[T any](t *testing.T, c ipc.Codec[T], src []byte) {
	v, err := c.Decode(src)
	if err != nil {
		return
	}
	if _, err = c.Append(nil, v); !errors.Is(err, errRefused) {
		require.NoError(t, err)
	}
}
