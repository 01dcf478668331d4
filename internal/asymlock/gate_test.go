package asymlock

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func newGate(alone bool, finish func()) *Gate {
	g := new(Gate)
	g.Init(finish)
	g.alone = g.alone || alone
	return g
}

func onGates(t *testing.T, test func(t *testing.T, alone bool)) {
	for name, alone := range map[string]bool{"fence by the closer": false, "fence by the leaver": true} {
		t.Run(name, func(t *testing.T) { test(t, alone) })
	}
}

func TestGateLetsOneInAndIsFinishedOnce(t *testing.T) {
	onGates(t, func(t *testing.T, alone bool) {
		finished := 0
		g := newGate(alone, func() { finished++ })
		require.True(t, g.Enter())
		require.False(t, g.Enter(), "a call is inside")
		require.False(t, g.Handing())
		g.Hand(true)
		require.True(t, g.Handing())
		g.Leave()
		require.False(t, g.Handing())
		require.True(t, g.Enter())
		require.True(t, g.Close())
		require.False(t, g.Close(), "already closed")
		require.Zero(t, finished, "a call is inside")
		g.Leave()
		require.Equal(t, 1, finished)
		require.False(t, g.Enter())
		require.Equal(t, 1, finished)
	})
}

func TestGateClosedWithNobodyInIsFinishedByTheCloser(t *testing.T) {
	onGates(t, func(t *testing.T, alone bool) {
		finished := 0
		g := newGate(alone, func() { finished++ })
		require.True(t, g.Close())
		require.Equal(t, 1, finished)
		require.False(t, g.Enter())
		require.False(t, g.Close())
		require.Equal(t, 1, finished)
	})
}

// If the gate is closed while a caller enters and leaves as fast as it can, finish runs
// once, and never while a call is inside.
func TestGateIsFinishedWhoeverIsLast(t *testing.T) {
	onGates(t, func(t *testing.T, alone bool) {
		for round := range 2000 {
			var inside atomic.Bool
			var finished atomic.Int32
			g := newGate(alone, func() {
				if inside.Load() {
					t.Error("finished while a call was inside")
				}
				finished.Add(1)
			})
			var done sync.WaitGroup
			for range 2 { // one call may enter while another leaves
				done.Go(func() {
					for calls := 0; calls < 300 && !g.Closed(); calls++ {
						if g.Enter() {
							inside.Store(true)
							inside.Store(false)
							g.Leave()
						}
					}
				})
			}
			for range round % 16 {
				runtime.Gosched()
			}
			g.Close()
			done.Wait()
			require.EqualValues(t, 1, finished.Load(), "round %d", round)
		}
	})
}
