package frame

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// chunks reads as many bytes at a time as sizes say, repeatedly. 0 is an empty read.
type chunks struct {
	rest  []byte
	sizes []int
	i     int
}

func (c *chunks) Read(p []byte) (int, error) {
	n := c.sizes[c.i%len(c.sizes)]
	c.i++
	n = min(n, len(p), len(c.rest))
	copy(p, c.rest[:n])
	c.rest = c.rest[n:]
	if len(c.rest) == 0 {
		return n, io.EOF
	}
	return n, nil
}

func drawChunks(t *rapid.T, stream []byte) *chunks {
	return &chunks{rest: stream, sizes: append(rapid.SliceOf(rapid.IntRange(0, 300)).Draw(t, "reads"), 1)}
}

// TestRoundTrip checks that Next returns what Append wrote, for any sizes of reads.
func TestRoundTrip(t *testing.T) {
	// Bytes that are special in a frame or in JSON are frequent.
	special := rapid.SampledFrom([]byte("\n\r\x00\"\\u{}/ \x7f\xc2\x85\xe2\x80\xa8\xa9\xed\xa0\xff"))
	message := rapid.OneOf(
		rapid.SliceOfN(rapid.Byte(), 0, 200),
		rapid.SliceOfN(special, 0, 20),
		rapid.Map(rapid.String(), func(s string) []byte { return []byte(s) }),
	)
	for _, k := range []Kind{Line, Nul, Len, Raw, JSON} {
		t.Run(k.String(), rapid.MakeCheck(func(t *rapid.T) {
			all := rapid.SliceOf(message).Draw(t, "messages")
			if k == Raw {
				all = [][]byte{message.Draw(t, "message")}
			}
			var stream []byte
			var want []string
			for i, m := range all {
				before := len(stream)
				var err error
				stream, err = k.Append(stream, m, &Origin{Seq: uint64(i), Sender: i, PID: i})
				if err != nil {
					require.ErrorIs(t, err, ErrFrame)
					require.Len(t, stream, before, "a refused message leaves nothing")
					continue
				}
				want = append(want, string(m))
			}
			size := rapid.IntRange(1, 64).Draw(t, "buffer")
			got, err := cutAll(newDecoder(drawChunks(t, stream), k, 1<<20, size))
			require.NoError(t, err)
			require.Equal(t, want, got)
		}))
	}
}

// TestOnlyWhatDoesNotFitIsRefused checks every refusal.
func TestOnlyWhatDoesNotFitIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.SliceOfN(rapid.SampledFrom([]byte("ab\n\x00\xff")), 0, 12).Draw(t, "message")
		for k, want := range map[Kind]bool{
			Line: bytes.IndexByte(m, '\n') >= 0, Nul: bytes.IndexByte(m, 0) >= 0,
			Len: false, Raw: false, JSON: false,
		} {
			_, err := k.Append(nil, m, &Origin{})
			require.Equal(t, want, err != nil, k)
		}
	})
}

// TestChunkingDoesNotMatter checks that any stream has the same messages and the same kind
// of end, whether it is read at once or in pieces.
func TestChunkingDoesNotMatter(t *testing.T) {
	bytesOf := rapid.SliceOf(rapid.SampledFrom([]byte("ab\n\x00\x01\x02{}\"\\:dt")))
	for _, k := range []Kind{Line, Nul, Len, Raw, JSON} {
		t.Run(k.String(), rapid.MakeCheck(func(t *rapid.T) {
			stream := bytesOf.Draw(t, "stream")
			limit := rapid.IntRange(1, 12).Draw(t, "max")
			want, wantErr := cutAll(NewDecoder(bytes.NewReader(stream), k, limit))
			got, err := cutAll(newDecoder(drawChunks(t, bytes.Clone(stream)), k, limit, 1))
			require.Equal(t, want, got)
			require.Equal(t, wantErr != nil, err != nil)
			var a, b *StreamError
			if wantErr != nil {
				require.ErrorAs(t, wantErr, &a)
				require.ErrorAs(t, err, &b)
				require.Equal(t, a.Number, b.Number)
				require.Equal(t, a.Offset, b.Offset)
			}
		}))
	}
}
