package ipc

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/cpu"
	"github.com/shmchan/shmchan/internal/test/proctest"
)

// A pacer goes by the clock, so a process that had to wait for a processor in the
// middle of a measurement gets a wrong answer from it: several tries decide.

// paced runs a pacer through so many waits. free and paused are the records that
// come during a wait without pauses and with them. It returns in how many there were
// pauses.
func paced(p *pacer, records *uint64, waits int, free, paused uint64) (n int) {
	for range waits {
		if pauses := p.gap(*records); pauses > 0 {
			n++
			cpu.Pause(pauses)
			*records += paused
		} else {
			cpu.Pause(cpu.Pauses(paceGap) / 10) // what it takes until the next one is there
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

// Of answers there is one a wait, whenever it looks.
func TestAnswersAreNotPaced(t *testing.T) {
	var p pacer
	records := uint64(0)
	paced(&p, &records, 100_000, 1, 1)
	proctest.Eventually(t, "next to no wait is paced", func() bool {
		return paced(&p, &records, 100_000, 1, 1) < 100
	})
}

// Who has so many messages on the way and waits for answers to them gets no more of
// them by pauses, only later.
func TestWindowIsNotPaced(t *testing.T) {
	var p pacer
	records := uint64(0)
	paced(&p, &records, 100_000, 8, 8)
	proctest.Eventually(t, "few waits are paced", func() bool {
		return paced(&p, &records, 100_000, 8, 8) < 500
	})
}

// A break while it is measured how much comes without pauses makes them win once.
func TestBreakDuringTheMeasurementDoesNotLastLong(t *testing.T) {
	proctest.Eventually(t, "few waits are paced", func() bool {
		var p pacer
		records := uint64(0)
		for p.state != paceMeasure {
			paced(&p, &records, 1, 8, 8)
		}
		<-time.After(5 * time.Millisecond) // the break itself
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
	for range 3 { // each is received before the next is sent, so that it is waited for
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
