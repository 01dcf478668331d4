package shm

import (
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestRingBeyondTheAddressesIsRefusedBeforeItTakesRoom(t *testing.T) {
	if math.MaxInt > math.MaxInt32 {
		t.Skip("in 64 bits the addresses go beyond the largest ring")
	}
	p := placeIn(t)
	_, err := Create(p, Config{Capacity: 1 << 30})
	require.ErrorIs(t, err, unix.ENOMEM)
	require.ErrorContains(t, err, "capacity 1073741824")
	left, err := os.ReadDir(p.Dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestWordsAreSharedWhereTestsRun(t *testing.T) { require.NoError(t, wordsAreShared()) }
