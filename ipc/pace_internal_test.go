package ipc

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/cpu"
	"github.com/shmchan/shmchan/internal/test/proctest"
)

// A pacer measures time, so losing the processor during a measurement makes it decide
// wrongly. The tests retry.

// paced runs a pacer through a number of waits and returns how many it paused. free
// and paused are the records that arrive in a wait without and with pauses.
func paced(p *pacer, records *uint64, waits int, free, paused uint64) (n int) {
	for range waits {
		if pauses := p.gap(*records); pauses > 0 {
			n++
			cpu.Pause(pauses)
			*records += paused
		} else {
			cpu.Pause(cpu.Pauses(paceGap) / 10) // until the next record arrives
			*records += free
		}
	}
	return n
}

func TestStreamIsPaced(t *testing.T) {
	var p pacer
	records := uint64(0)
	paced(&p, &records, 1000, 1, 60)
	proctest.Eventually(t, "nearly all waits are paced", func() bool {
		return paced(&p, &records, 10_000, 1, 60) > 9000
	})
}

// One answer arrives per wait, with pauses or without.
func TestAnswersAreNotPaced(t *testing.T) {
	var p pacer
	records := uint64(0)
	paced(&p, &records, 100_000, 1, 1)
	proctest.Eventually(t, "almost no wait is paced", func() bool {
		return paced(&p, &records, 100_000, 1, 1) < 100
	})
}

// If a fixed number of requests is outstanding, pauses bring no more answers per wait,
// only later ones.
func TestWindowIsNotPaced(t *testing.T) {
	var p pacer
	records := uint64(0)
	paced(&p, &records, 100_000, 8, 8)
	proctest.Eventually(t, "few waits are paced", func() bool {
		return paced(&p, &records, 100_000, 8, 8) < 500
	})
}

// An interruption while the pacer measures waits without pauses makes pauses win once.
func TestBreakDuringTheMeasurementDoesNotLastLong(t *testing.T) {
	proctest.Eventually(t, "few waits are paced", func() bool {
		var p pacer
		records := uint64(0)
		for p.state != paceMeasure {
			paced(&p, &records, 1, 8, 8)
		}
		<-time.After(5 * time.Millisecond) // the interruption
		return paced(&p, &records, 10_000, 8, 8) < 500
	})
}

func TestReceiverThatWaitsIsPaced(t *testing.T) {
	dir := t.TempDir()
	r, err := NewReceiver(t.Context(), "ch", &Options{Dir: dir, Spin: time.Second})
	require.NoError(t, err)
	defer r.Close()
	s, err := NewSender(t.Context(), "ch", &Options{Dir: dir})
	require.NoError(t, err)
	defer s.Close()
	var got sync.WaitGroup
	got.Go(func() {
		for range 3 {
			_, err := r.Recv(t.Context())
			require.NoError(t, err)
		}
	})
	for range 3 { // Flush waits for the receiver, so that it waits for each message
		require.NoError(t, s.Send(t.Context(), nil))
		require.NoError(t, s.Flush(t.Context()))
	}
	got.Wait()
	require.Less(t, r.pace.left, minRest)
	require.Positive(t, r.pace.left)
}

func TestPausesEndAtOnceWithTheStream(t *testing.T) {
	var p pacer
	records := uint64(0)
	paced(&p, &records, 1000, 1, 60)
	for p.state != paceOn {
		paced(&p, &records, 1, 1, 60)
	}
	require.LessOrEqual(t, paced(&p, &records, minRest, 1, 1), paceFew+1)
}
