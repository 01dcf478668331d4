package cpu

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPausesTakeAboutTheirTime(t *testing.T) {
	Pause(0)
	require.Zero(t, Pauses(0))
	const want = 20 * time.Microsecond
	n := Pauses(want)
	require.Positive(t, n)
	// Interruptions only make it longer, so the shortest of many counts.
	shortest := time.Hour
	for range 1000 {
		start := time.Now()
		Pause(n)
		shortest = min(shortest, time.Since(start))
	}
	require.Less(t, shortest, 4*want)
	require.Greater(t, shortest, want/8)
}
