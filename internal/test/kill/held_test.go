//go:build failpoints

package kill

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
	"github.com/shmchan/shmchan/shm"
)

// A receiver is held between the release and the wake. It is alive, so neither a
// death nor a successor wakes the sender that waits for room. The sender's own tick
// does.
func TestRoomIsSeenThoughTheReceiverStandsBeforeItsWake(t *testing.T) {
	const beat = 500 * time.Millisecond
	clock := proctest.StartClock(t)
	for _, point := range []failpoint.Point{failpoint.HeadStored, failpoint.RoomSeq} {
		t.Run(string(point), func(t *testing.T) {
			o := &ipc.Options{Dir: proctest.Dir(t), Capacity: capacity, Heartbeat: beat, Spin: -1}
			r, err := ipc.NewReceiver(ctx, name, o)
			require.NoError(t, err)
			s, err := ipc.NewSender(ctx, name, o)
			require.NoError(t, err)
			peek, err := shm.Open(shm.Place{Dir: o.Dir, Base: name})
			require.NoError(t, err)
			for err == nil {
				err = s.TrySend(message('s', 0, 1000))
			}
			require.ErrorIs(t, err, ipc.ErrFull)
			sent := make(chan error, 1)
			go func() { sent <- s.Send(ctx, message('s', 1, 1000)) }()
			proctest.Eventually(t, "it sleeps", peek.Ring().Announced)
			proctest.Parked(t, "(*Sender).Send", 1)

			stands, goOn := make(chan struct{}), make(chan struct{})
			failpoint.Arm(point, 1, func(failpoint.Point) {
				close(stands)
				<-goOn
			})
			received := make(chan error, 1)
			go func() {
				_, err := r.Recv(ctx)
				received <- err
			}()
			<-stands
			start := clock.Now()
			require.NoError(t, <-sent)
			took := clock.Since(start)
			close(goOn)
			require.NoError(t, <-received)
			require.Less(t, took, 2*beat, "two heartbeats")
			require.NoError(t, s.Close())
			require.NoError(t, r.Close())
			require.NoError(t, peek.Close())
		})
	}
}
