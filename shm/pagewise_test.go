package shm

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pagewiseRing is a ring as in a file that a copy-on-write file system writes in
// place.
func pagewiseRing(t *testing.T) *Ring {
	s := makeSegment(t, Config{Capacity: 1 << 18, MaxSenders: senders})
	s.ring.pagewise = true
	return s.ring
}

func TestMessagesThatAreCopiedPageByPageAreWhole(t *testing.T) {
	r := pagewiseRing(t)
	all, c := ends(t, r)
	page := os.Getpagesize()
	for n := range 3 * page {
		if n > 300 && n%page > 40 && n%page < page-40 && n%97 != 0 {
			continue
		}
		want := text(n, n)
		put(t, all[0], want)
		b := claim(t, all[1], n)
		require.Len(t, b, n)
		copy(b, want)
		all[1].Commit()
		batch(t, all[2], want, "x", want)
		take(t, c, want, want, want, "x", want)
		c.Release()
		_ = claim(t, all[1], n)
		all[1].Abort()
		requireIdle(t, c)
	}
}

// The caller fills a claim in memory of its own, so that none of its stores crosses
// a page boundary of the ring.
func TestClaimOfAPagewiseRingIsFilledAside(t *testing.T) {
	r := pagewiseRing(t)
	all, c := ends(t, r)
	b := claim(t, all[0], 8192)
	copy(b, strings.Repeat("x", 8192))
	require.NotContains(t, string(r.data[:r.capacity]), "x")
	all[0].Commit()
	take(t, c, strings.Repeat("x", 8192))
}
