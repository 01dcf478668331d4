package shm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Each length takes its own path: every byte must be copied, and none beside a
// message may change.
func TestBatchesOfEveryLength(t *testing.T) {
	onPlaces(t, func(t *testing.T, r *Ring, p []*Producer, c *Consumer) {
		const longest = 300
		text := func(n, seed int) []byte {
			b := make([]byte, n)
			for i := range b {
				b[i] = byte(1 + (i*7+n*31+seed)%255)
			}
			return b
		}
		for n := range longest + 1 {
			msgs := [][]byte{text(n, 1), text((n+1)%longest, 2), text(n, 3)}
			sent, err := p[0].PutBatch(msgs)
			require.NoError(t, err)
			for i := range msgs[:sent] {
				want := string(msgs[i])
				clear(msgs[i]) // what was sent is a copy
				got, err := c.Next()
				require.NoError(t, err)
				require.Equal(t, want, string(got), "%d bytes, message %d", n, i)
			}
			c.Release()
			require.Equal(t, r.Tail(), r.Head())
		}
	})
}

// Another goroutine may change a message while it is sent. Nothing outside the claim
// may change, and no batch is published that does not end where its messages do.
func TestBatchWhoseMessagesChangeIsNotSent(t *testing.T) {
	for what, msgs := range map[string][]int{"shorter": {64, 8}, "longer": {64, 200}, "longer than all": {4000, 8}, "fewer": {64}} {
		t.Run(what, func(t *testing.T) {
			onPlaces(t, func(t *testing.T, r *Ring, p []*Producer, c *Consumer) {
				b, err := p[0].claim(2*batchSize(64), false)
				require.NoError(t, err)
				put(t, p[1], "behind it")
				require.Panics(t, func() {
					var changed [][]byte
					for _, n := range msgs {
						changed = append(changed, make([]byte, n))
					}
					p[0].fillBatch(b, changed)
				})
				require.True(t, p[0].Open())
				p[0].Abort()
				take(t, c, "behind it")
			})
		})
	}
}
