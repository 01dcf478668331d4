package ipc_test

import (
	"bytes"
	"fmt"
	"strconv"
	"structs"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

type holey struct {
	A uint8 // 7 bytes of padding
	B uint64
	C [3]struct {
		D uint16 // 2 bytes of padding
		E uint32
		F bool // 3 bytes of padding
	}
	_ uint16
	G uint8 // 1 byte of padding
}

func TestFixedSendsNoPadding(t *testing.T) {
	var v holey
	mem := unsafe.Slice((*byte)(unsafe.Pointer(&v)), unsafe.Sizeof(v))
	for i := range mem {
		mem[i] = 0xaa // stale bytes of an earlier use
	}
	v.A, v.B, v.G = 1, 2, 3
	for i := range v.C {
		v.C[i].D, v.C[i].E, v.C[i].F = 4, 5, true
	}
	c := ipc.Fixed[holey]()
	dirty, err := c.Append(nil, v)
	require.NoError(t, err)
	require.Len(t, dirty, int(unsafe.Sizeof(v)))
	require.NotContains(t, string(dirty), "\xaa")

	clean, err := c.Decode(dirty)
	require.NoError(t, err)
	require.Equal(t, v.C, clean.C)
	again, err := c.Append(nil, clean)
	require.NoError(t, err)
	require.Equal(t, dirty, again, "equal values encode to equal messages")
}

func TestFixedRefusesPointers(t *testing.T) {
	type deep struct {
		Rows [2]struct{ Cells [3]struct{ Name string } }
	}
	type embedded struct {
		order
		inner struct{ next *int }
	}
	_ = embedded{}.inner
	for name, c := range map[string]struct {
		codec any
		want  string
	}{
		"a pointer":           {ipc.Fixed[*int](), "it is a pointer"},
		"a slice":             {ipc.Fixed[[]byte](), "it is a slice"},
		"a map":               {ipc.Fixed[struct{ M map[int]int }](), "field M is a map"},
		"a nested string":     {ipc.Fixed[deep](), "field Rows[].Cells[].Name is a string"},
		"an interface":        {ipc.Fixed[error](), "it is an interface"},
		"a channel":           {ipc.Fixed[struct{ C chan int }](), "field C is a channel"},
		"a function":          {ipc.Fixed[[2]func()](), "field [] is a function"},
		"an unsafe.Pointer":   {ipc.Fixed[struct{ P unsafe.Pointer }](), "field P is an unsafe.Pointer"},
		"an unexported field": {ipc.Fixed[embedded](), "field inner.next is a pointer"},
		"a blank field":       {ipc.Fixed[struct{ _ *int }](), "field _ is a pointer"},
	} {
		t.Run(name, func(t *testing.T) {
			err := ipc.CheckCodec(c.codec)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "Fixed: ")
		})
	}
}

func TestFixedTakesWhatHoldsNoPointer(t *testing.T) {
	for name, c := range map[string]any{
		"atomics":                     ipc.Fixed[struct{ N atomic.Uint64 }](),
		"a host-layout struct":        ipc.Fixed[struct{ _ structs.HostLayout }](),
		"an empty array of functions": ipc.Fixed[struct{ _ [0]func() }](),
		"a uintptr":                   ipc.Fixed[uintptr](),
		"a large array":               ipc.Fixed[[1 << 20]order](),
		"nothing":                     ipc.Fixed[struct{}](),
		"a zero-size field at the end": ipc.Fixed[struct {
			A uint8
			B struct{}
		}](),
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, ipc.CheckCodec(c))
			require.NotZero(t, c.(ipc.Fingerprinter).Fingerprint())
		})
	}
}

func TestFixedDecodesOnlyWholeValues(t *testing.T) {
	c := ipc.Fixed[order]()
	msg, err := c.Append(nil, order{ID: 1, Side: true})
	require.NoError(t, err)
	want := fmt.Sprintf("want %d", len(msg))
	for _, n := range []int{0, 1, len(msg) - 1} {
		_, err := c.Decode(msg[:n])
		require.ErrorContains(t, err, want)
	}
	_, err = c.Decode(append(bytes.Clone(msg), 0))
	require.ErrorContains(t, err, fmt.Sprintf("%d bytes, %s", len(msg)+1, want))

	msg[8] = 2
	v, err := c.Decode(msg)
	require.EqualError(t, err, "field Side is neither true nor false")
	require.Zero(t, v)

	flags := ipc.Fixed[[4][100]bool]()
	msg, err = flags.Append(nil, [4][100]bool{})
	require.NoError(t, err)
	msg[399] = 0x80
	_, err = flags.Decode(msg)
	require.ErrorContains(t, err, "neither true nor false")
}

func TestFixedFingerprintIsTheLayouts(t *testing.T) {
	type point struct{ X, Y int32 }
	type renamed point
	fingerprint := func(c any) uint64 { return c.(ipc.Fingerprinter).Fingerprint() }
	base := fingerprint(ipc.Fixed[point]())

	require.Equal(t, base, fingerprint(ipc.Fixed[point]()), "the same type")
	require.Equal(t, base, fingerprint(ipc.Fixed[renamed]()), "another type name")
	require.Equal(t, base, fingerprint(ipc.Fixed[struct{ X, Y int32 }]()), "an unnamed type")
	same := fingerprint(ipc.Fixed[int64]())
	if strconv.IntSize == 32 {
		same = fingerprint(ipc.Fixed[int32]())
	}
	require.Equal(t, same, fingerprint(ipc.Fixed[int]()), "the same memory on this platform")

	seen := map[uint64]string{base: "X, Y int32"}
	for name, c := range map[string]any{
		"swapped names":  ipc.Fixed[struct{ Y, X int32 }](),
		"unsigned":       ipc.Fixed[struct{ X, Y uint32 }](),
		"floats":         ipc.Fixed[struct{ X, Y float32 }](),
		"wider":          ipc.Fixed[struct{ X, Y int64 }](),
		"one field more": ipc.Fixed[struct{ X, Y, Z int32 }](),
		"one field less": ipc.Fixed[struct{ X int32 }](),
		"an array":       ipc.Fixed[[2]int32](),
		"a longer array": ipc.Fixed[[3]int32](),
		"nested":         ipc.Fixed[struct{ P point }](),
		"padded at the end": ipc.Fixed[struct {
			X, Y int32
			_    int32
		}](),
		"shifted": ipc.Fixed[struct {
			_    int32
			X, Y int32
		}](),
		"a number":          ipc.Fixed[int64](),
		"booleans":          ipc.Fixed[[8]bool](),
		"bytes":             ipc.Fixed[[8]uint8](),
		"nothing":           ipc.Fixed[struct{}](),
		"an empty array":    ipc.Fixed[[0]int32](),
		"complex":           ipc.Fixed[complex64](),
		"other empty array": ipc.Fixed[[0]int64](),
	} {
		fp := fingerprint(c)
		require.NotContains(t, seen, fp, "%s has the fingerprint of %s", name, seen[fp])
		seen[fp] = name
	}
}

func TestFixedAllocatesNothing(t *testing.T) {
	c := ipc.Fixed[holey]()
	buf := make([]byte, 0, 256)
	var v holey
	require.Zero(t, testing.AllocsPerRun(100, func() {
		v.B++
		msg, err := c.Append(buf, v)
		if err != nil {
			t.Fatal(err)
		}
		if v, err = c.Decode(msg); err != nil {
			t.Fatal(err)
		}
	}))
}
