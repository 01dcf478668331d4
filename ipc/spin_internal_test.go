package ipc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

func never() bool                              { return false }
func (s *spinner) spin(ready func() bool) bool { return s.until(s.limit(), 0, ready, never, nil) }
func always() bool                             { return true }

func TestSpinThatPaysGetsLongerAndOneInVainShorter(t *testing.T) {
	var s spinner
	s.init(0)
	s.fixed, s.bound = 0, false
	for range 10 {
		require.False(t, s.spin(never))
	}
	require.EqualValues(t, minSpin, s.budget.Load())
	s.slept(maxSpin / 2)
	require.EqualValues(t, 2*minSpin, s.budget.Load())
	for range 10 {
		require.True(t, s.spin(always))
	}
	require.EqualValues(t, maxSpin, s.budget.Load())
}

// If both endpoints share a processor, sleeps are short for that reason alone, and do
// not show that spinning pays.
func TestProcessBoundToOneProcessorSpinsOnlyWhereThatPays(t *testing.T) {
	var s spinner
	s.init(0)
	s.fixed, s.bound = 0, true
	for range 10 {
		require.False(t, s.spin(never))
		s.slept(minSpin)
	}
	require.Zero(t, s.budget.Load())
	looks := 0
	for range probeEvery {
		s.spin(func() bool { looks++; return looks > 2*probeEvery })
	}
	require.Positive(t, s.budget.Load(), "a probe found that the peer runs on another processor")
}

func TestConfiguredSpinIsKept(t *testing.T) {
	var s spinner
	s.fixed = maxSpin
	require.False(t, s.spin(never))
	require.EqualValues(t, maxSpin, s.limit())
}

func TestSpinGoesOnWhileThePeerMoves(t *testing.T) {
	spent := func(fixed time.Duration, moves func() bool) time.Duration {
		var s spinner
		s.fixed = fixed
		start := time.Now()
		require.False(t, s.until(minSpin, 0, never, never, moves))
		return time.Since(start)
	}
	require.GreaterOrEqual(t, spent(0, always), maxMoving)
	// A process that loses the processor meanwhile takes longer, and may then reach
	// the bound before the peer stops moving.
	proctest.Eventually(t, "the spin is not longer than configured", func() bool {
		return spent(minSpin, always) < maxMoving
	})
	proctest.Eventually(t, "the spin stops when nothing moves", func() bool {
		moved := 0
		spent(0, func() bool { moved++; return moved < 5 })
		require.LessOrEqual(t, moved, 5)
		return moved == 5
	})
}
