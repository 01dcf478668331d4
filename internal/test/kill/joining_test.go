//go:build failpoints

package kill

import (
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
	"github.com/shmchan/shmchan/shm"
)

// standsAt holds one goroutine at the point until the returned function is called;
// stands is closed when the goroutine is there.
func standsAt(point failpoint.Point) (stands chan struct{}, goOn func()) {
	stands, held := make(chan struct{}), make(chan struct{})
	failpoint.Arm(point, 1, func(failpoint.Point) {
		close(stands)
		<-held
	})
	return stands, func() { close(held) }
}

// joining starts NewSender and holds it after it has its lock and before it checks
// anything.
func joining(t *testing.T, o *ipc.Options) (joined <-chan error, goOn func()) {
	t.Helper()
	stands, goOn := standsAt(failpoint.BeforeName)
	result := make(chan error, 1)
	go func() {
		s, err := ipc.NewSender(ctx, name, o)
		if err == nil {
			err = s.Close()
		}
		result <- err
	}()
	<-stands
	return result, goOn
}

// What may happen after a new endpoint has its lock and before it checks the name.
func TestChannelThatEndsWhileASenderJoinsHasNeverHadIt(t *testing.T) {
	for what, c := range map[string]struct {
		end  func(t *testing.T, o *ipc.Options, r *ipc.Receiver)
		want string
	}{
		"the receiver closes": {func(t *testing.T, _ *ipc.Options, r *ipc.Receiver) {
			require.NoError(t, r.Close())
		}, "not exist"},
		"it is removed by force": {func(t *testing.T, o *ipc.Options, _ *ipc.Receiver) {
			require.NoError(t, ipc.ForceRemove(name, o))
		}, "not exist"},
		"its name is removed": {func(t *testing.T, o *ipc.Options, _ *ipc.Receiver) {
			require.NoError(t, os.Remove(shm.Place{Dir: o.Dir, Base: name}.Path()))
		}, "not exist"},
		"another one takes its name": {func(t *testing.T, o *ipc.Options, _ *ipc.Receiver) {
			require.NoError(t, ipc.ForceRemove(name, o))
			require.NoError(t, ipc.Create(name, o))
		}, "ok"},
		"nothing": {func(*testing.T, *ipc.Options, *ipc.Receiver) {}, "ok"},
	} {
		t.Run(what, func(t *testing.T) {
			o := &ipc.Options{Dir: proctest.Dir(t), Capacity: capacity, Heartbeat: killBeat}
			r, err := ipc.NewReceiver(ctx, name, o)
			require.NoError(t, err)
			peek, err := shm.Open(shm.Place{Dir: o.Dir, Base: name})
			require.NoError(t, err)
			joined, goOn := joining(t, o)
			c.end(t, o, r)
			changes := peek.Changes()
			goOn()
			require.Equal(t, c.want, kind(<-joined))
			if what != "nothing" {
				require.Equal(t, changes, peek.Changes(), "it has not attached")
			}
			require.NoError(t, peek.Close())
			require.NoError(t, r.Close())
			if what == "another one takes its name" {
				require.NoError(t, ipc.Remove(name, o))
			}
		})
	}
}

// A new endpoint that has its lock keeps the channel alive; without the lock it finds
// the name gone.
func TestRemovalAndASenderThatJoinsExcludeEachOther(t *testing.T) {
	o := &ipc.Options{Dir: proctest.Dir(t), Capacity: capacity, Durable: true, Heartbeat: killBeat}
	require.NoError(t, ipc.Create(name, o))
	joined, goOn := joining(t, o)
	require.ErrorIs(t, ipc.Remove(name, o), ipc.ErrBusy)
	goOn()
	require.NoError(t, <-joined)

	for _, point := range []failpoint.Point{failpoint.Unlinked, failpoint.RemovedClosed} {
		stands, goOn := standsAt(point)
		removed := make(chan error, 1)
		opened, err := shm.Open(shm.Place{Dir: o.Dir, Base: name})
		require.NoError(t, err)
		go func() { removed <- ipc.Remove(name, o) }()
		<-stands
		_, err = ipc.NewSender(ctx, name, o)
		require.ErrorIs(t, err, fs.ErrNotExist)
		_, err = opened.AttachSender(shm.Owner{}, killBeat)
		require.ErrorIs(t, err, ipc.ErrNoSlot, "the remover holds them")
		next, err := ipc.NewReceiver(ctx, name, o) // the name is free
		require.NoError(t, err)
		goOn()
		require.NoError(t, <-removed)
		s, err := ipc.NewSender(ctx, name, o)
		require.NoError(t, err)
		require.NoError(t, s.Send(ctx, []byte("on the new one")))
		require.NoError(t, s.Close())
		require.NoError(t, next.Close())
		require.NoError(t, opened.Close())
	}
	require.NoError(t, ipc.Remove(name, o))
}

// A new endpoint has opened the channel and tries to lock while a remover holds all
// locks. When the name is gone it starts again, instead of returning that no slot is
// free.
func TestSenderThatOpenedARemovedChannelStartsAgain(t *testing.T) {
	o := &ipc.Options{Dir: proctest.Dir(t), Capacity: capacity, Durable: true, Heartbeat: killBeat, Create: true}
	require.NoError(t, ipc.Create(name, o))
	stands, goOn := standsAt(failpoint.SlotLocked)
	joined := make(chan error, 1)
	go func() {
		s, err := ipc.NewSender(ctx, name, o)
		if err == nil {
			err = s.Close()
		}
		joined <- err
	}()
	<-stands
	require.NoError(t, ipc.ForceRemove(name, o))
	goOn()
	require.NoError(t, <-joined, "it made the channel anew")
	require.NoError(t, ipc.Remove(name, o))
}
