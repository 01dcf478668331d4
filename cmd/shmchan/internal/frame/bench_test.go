package frame

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// endless reads the same stream over and over.
type endless struct{ stream, rest []byte }

func (e *endless) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		e.rest = e.stream
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func benchStream(k Kind, size int) []byte {
	var stream []byte
	for range max(1, 2*bufferSize/size) {
		stream, _ = k.Append(stream, bytes.Repeat([]byte("m"), size), &Origin{Seq: 1, Sender: 2, PID: 3})
	}
	return stream
}

// TestDecodeAllocatesNothing in steady state.
func TestDecodeAllocatesNothing(t *testing.T) {
	for _, k := range []Kind{Line, Nul, Len} {
		d := NewDecoder(&endless{stream: benchStream(k, 100)}, k, 1<<20)
		next := func() {
			if _, err := d.Next(); err != nil {
				t.Fatal(err)
			}
		}
		next()
		next()
		require.Zero(t, testing.AllocsPerRun(100, next), k)
	}
}

var benchSizes = []int{10, 100, 1000}

func BenchmarkDecode(b *testing.B) {
	for _, k := range []Kind{Line, Nul, Len, JSON} {
		for _, size := range benchSizes {
			b.Run(fmt.Sprintf("frame=%v/size=%d", k, size), func(b *testing.B) {
				d := NewDecoder(&endless{stream: benchStream(k, size)}, k, 1<<20)
				var messages int64
				b.ReportAllocs()
				for b.Loop() {
					msgs, err := d.Next()
					if err != nil {
						b.Fatal(err)
					}
					messages += int64(len(msgs))
				}
				b.ReportMetric(float64(messages)/b.Elapsed().Seconds()/1e6, "Mmsg/s")
				b.SetBytes(int64(size) * messages / int64(b.N))
			})
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, k := range []Kind{Line, Nul, Len, Raw, JSON} {
		for _, size := range benchSizes {
			b.Run(fmt.Sprintf("frame=%v/size=%d", k, size), func(b *testing.B) {
				msg := bytes.Repeat([]byte("m"), size)
				dst, from := make([]byte, 0, bufferSize), &Origin{Seq: 1 << 30, Sender: 2, PID: 4242}
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if len(dst) > bufferSize-2*size-100 {
						dst = dst[:0]
					}
					var err error
					if dst, err = k.Append(dst, msg, from); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
