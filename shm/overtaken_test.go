//go:build failpoints && linux

package shm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/failpoint"
)

// overtake moves tail, and head with it, n times, whenever a sender is between its
// intent and its compare-and-swap.
func overtake(r *Ring, n int) {
	left := n
	var move failpoint.Action
	move = func(failpoint.Point) {
		r.ctl.head.Add(recordAlign)
		r.ctl.tail.Add(recordAlign)
		if left--; left > 0 {
			failpoint.Arm(failpoint.IntentStored, 1, move)
		}
	}
	failpoint.Arm(failpoint.IntentStored, 1, move)
}

// A claim that is overtaken again and again gives up, and leaves no intent: another
// sender that claimed there may die, and its claim is skipped only if all its
// candidates are dead.
func TestClaimThatIsAlwaysOvertakenGivesUpWithoutATrace(t *testing.T) {
	r := mappedRing(t, 0)
	p := r.NewProducer(0, true)
	overtake(r, maxLost)
	_, err := p.Claim(10)
	require.ErrorIs(t, err, ErrFull)
	require.False(t, p.Open())
	_, claiming := p.slot.claiming()
	require.False(t, claiming, "intent %#x", p.slot.intent.Load())

	restart(r, lap(r))
	c := newConsumer(t, r)
	put(t, p, "and can go on")
	take(t, c, "and can go on")
}
