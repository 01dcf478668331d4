package shm

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBatchArrivesAsItsMessages(t *testing.T) {
	onBothFrom(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		put(t, p[1], "before")
		batch(t, p[0], "a", "", text(8, 1), text(61, 2), "")
		put(t, p[1], "after")
		take(t, c, "before", "a", "", text(8, 1), text(61, 2), "", "after")
		requireIdle(t, c)
		require.EqualValues(t, 5, p[0].slot.messages.Load())
		require.EqualValues(t, 1+8+61, p[0].slot.bytes.Load())
	})
}

func TestBatchIsOneRecordReceivedWholeOrNotAtAll(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		before := r.Tail()
		batch(t, p[0], "abc", "de")
		require.EqualValues(t, RecordHeader+2*(BatchHeader+8), r.Tail()-before)
		stamp := r.word(before)
		stamped := stamp.Load()
		stamp.Store(0)
		requireEmpty(t, c)
		stamp.Store(stamped)
		take(t, c, "abc", "de")
	})
}

func TestBatchSpansTheWrapAtEveryOffset(t *testing.T) {
	msgs := []string{text(1, 0), text(90, 1), "", text(33, 2), text(64, 3)}
	onBoth(t, func(t *testing.T, r *Ring) {
		size := r.recordSize(uint64(r.BatchSize(raw(msgs...))))
		for back := r.align; back <= size; back += r.align {
			restart(r, lap(r)-back)
			p, c := ends(t, r)
			batch(t, p[0], msgs...)
			batch(t, p[1], msgs...)
			take(t, c, msgs...)
			take(t, c, msgs...)
			c.Release()
			requireIdle(t, c)
		}
	})
}

func TestBatchLargerThanAQuarterIsSplit(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		quarter := int(r.capacity / 4)
		for what, test := range map[string]struct {
			sizes []int
			n     int
		}{
			"exactly a quarter":               {[]int{quarter/2 - 8, quarter/2 - 8}, 2},
			"a byte more":                     {[]int{quarter/2 - 8, quarter/2 - 7}, 1},
			"the third goes beyond":           {[]int{100, quarter/2 - 8, quarter / 2, 1}, 2},
			"the first alone is a quarter":    {[]int{quarter, 1, 2}, 1},
			"the first alone is the largest":  {[]int{r.MaxMessage(), 1, 2}, 1},
			"the second is too large":         {[]int{5, r.MaxMessage() + 1, 2}, 1},
			"many small ones":                 {make([]int, quarter/8+9), quarter / 8},
			"one":                             {[]int{40}, 1},
			"padding counts, not only length": {[]int{1, 1, quarter - 3*8 - 2*8 + 1}, 2},
		} {
			t.Run(what, func(t *testing.T) {
				restart(r, lap(r))
				p, c := ends(t, r)
				var msgs []string
				for i, n := range test.sizes {
					msgs = append(msgs, text(n, i))
				}
				claimed := r.BatchSize(raw(msgs...))
				before := r.Tail()
				n, err := p[0].PutBatch(raw(msgs...))
				require.NoError(t, err)
				require.Equal(t, test.n, n)
				require.Equal(t, r.recordSize(uint64(claimed)), r.Tail()-before)
				take(t, c, msgs[:n]...)
				requireIdle(t, c)
			})
		}
	})
}

func TestBatchWhoseFirstMessageIsTooLargeSendsNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		n, err := p[0].PutBatch([][]byte{make([]byte, r.MaxMessage()+1), []byte("x")})
		require.ErrorIs(t, err, ErrTooLarge)
		require.Zero(t, n)
		requireIdle(t, c)
	})
}

func TestEmptyBatchSendsNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		n, err := p[0].PutBatch(nil)
		require.NoError(t, err)
		require.Zero(t, n)
		require.Zero(t, r.BatchSize(nil))
		requireIdle(t, c)
		require.Zero(t, r.Tail())
	})
}

func TestBatchWithoutRoomSendsNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		msgs := []string{text(400, 0), text(400, 1)}
		sent := 0
		for ; ; sent++ {
			n, err := p[0].PutBatch(raw(msgs...))
			if err != nil {
				require.ErrorIs(t, err, ErrFull)
				require.Zero(t, n)
				break
			}
		}
		require.Equal(t, 4, sent)
		for range sent {
			take(t, c, msgs...)
		}
		c.Release()
		batch(t, p[0], msgs...)
		take(t, c, msgs...)
		requireIdle(t, c)
	})
}

func TestBatchOfOneIsAPlainMessage(t *testing.T) {
	onBoth(t, func(t *testing.T, r *Ring) {
		p, c := ends(t, r)
		batch(t, p[0], "alone")
		require.EqualValues(t, kindData, meta(r.word(8).Load()).kind())
		take(t, c, "alone")
	})
}

// A peer's batch that contradicts itself is an error, again at every call, and
// nothing beyond it is read.
func TestBatchThatContradictsItselfIsCorrupt(t *testing.T) {
	const whole = 2 * (BatchHeader + 8)
	for what, test := range map[string]struct {
		length uint64 // of the record
		second uint64 // header of the second message
		taken  int    // messages before the error
		value  uint64 // that the error blames
	}{
		"no message at all":                 {0, 2, 0, 0},
		"shorter than a message's header":   {BatchHeader - 1, 2, 0, BatchHeader - 1},
		"the second header does not fit":    {whole/2 + 7, 2, 1, 7},
		"the second message does not fit":   {whole, 9, 1, 9},
		"the second is longer than memory":  {whole, 1<<64 - 1, 1, 1<<64 - 1},
		"the reserved half is not zero":     {whole, 1<<32 | 2, 1, 1<<32 | 2},
		"the second reaches into the third": {whole + 8, 17, 1, 17},
	} {
		t.Run(what, func(t *testing.T) {
			onBoth(t, func(t *testing.T, r *Ring) {
				p, c := ends(t, r)
				batch(t, p[0], "first", "2.")
				put(t, p[0], strings.Repeat("next", 10))
				r.word(8).Store(uint64(makeMeta(test.length, 0, kindBatch)))
				second := r.data[RecordHeader+whole/2:]
				binary.NativeEndian.PutUint32(second, uint32(test.second))
				binary.NativeEndian.PutUint32(second[4:], uint32(test.second>>32))
				take(t, c, []string{"first"}[:test.taken]...)
				for range 3 {
					_, err := c.Next()
					require.Equal(t, test.value, requireCorrupt(t, err, "batch.length").Value)
				}
			})
		})
	}
}

func TestCopyCopiesWhateverTheLength(t *testing.T) {
	src := []byte(text(3*copyPiece+17, 5))
	for _, n := range []int{0, 1, copyPiece - 1, copyPiece, copyPiece + 1, 2 * copyPiece, len(src)} {
		dst := make([]byte, n+3)
		Copy(dst, src[:n])
		require.Equal(t, src[:n], dst[:n], n)
		require.Equal(t, []byte{0, 0, 0}, dst[n:], n)
	}
}
