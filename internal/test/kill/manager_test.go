//go:build failpoints

package kill

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
	"github.com/shmchan/shmchan/shm"
)

// managerStory: the victim creates, replaces or removes the channel.
func managerStory(a *arena) bool {
	a.stage()
	if a.c.do == "force" {
		a.receiver()
		a.sender('s')
		seg, err := shm.Open(a.place())
		require.NoError(a, err)
		a.peek = seg
	}
	a.start()
	if a.c.busy {
		a.churn(a.meddle)
	}
	if !a.meet(nil) {
		a.scrap()
		return false
	}
	var r *ipc.Receiver
	if a.c.action == "stop" || a.c.point == "" {
		if a.c.point != "" {
			r = a.usurp()
			a.stand()
			a.resume()
		}
		require.NotContains(a, a.result, "other")
		a.victim.Tell("end")
		a.part()
	}
	a.rest()
	require.NoError(a, a.ledger.check(0, 0), a.c)
	if r != nil { // the name still refers to the channel created while the victim was stopped
		a.roundTrip(r)
		require.NoError(a, r.Close())
	}
	if a.c.do == "force" {
		a.bereaved()
	}
	a.receiver()
	a.inTime("the name can be used", func() bool { return true })
	a.ledger = newLedger()
	a.ledger.begun = a.r.Stats().Received // a durable channel that was not removed continues
	a.pump()
	a.sender('s')
	a.goOn()
	a.settleAll(0, 0)
	return true
}

// bereaved checks the endpoints of the channel that the victim was to remove. Either
// the victim did not get that far and they are unchanged, or they end, whether the
// victim closed the channel or died before.
func (a *arena) bereaved() {
	a.Helper()
	named, err := a.peek.StillNamed()
	require.NoError(a, err)
	if named {
		require.False(a, a.peek.Ring().Closed(), a.c)
		a.roundTrip(a.r)
	}
	require.NoError(a, a.s['s'].Close())
	delete(a.s, 's')
	if !named {
		a.inTime("the receiver learns that its name is gone", func() bool {
			for {
				_, err := a.r.TryRecv()
				if err != nil {
					return errors.Is(err, ipc.ErrDisconnected) && errors.Is(err, ipc.ErrRemoved)
				}
			}
		})
	}
	require.NoError(a, a.r.Close())
	require.NoError(a, a.peek.Close())
	a.peek = nil
}

// stage creates under the name what the scenario begins with: nothing, a channel
// whose receiver was killed, or one without endpoints.
func (a *arena) stage() {
	dies := strings.Contains(a.c.name, "dead")
	if !dies && !a.c.durable {
		return
	}
	c := shm.Config{Capacity: capacity, MaxSenders: maxSenders, Durable: a.c.durable}
	if a.c.fill == wrap {
		c.Start = capacity - 24
	}
	seg, err := shm.Create(a.place(), c)
	if !a.ok(err) {
		return
	}
	slot, err := seg.AttachSender(shm.Owner{}, stopBeat)
	a.ok(err)
	p := seg.Ring().NewProducer(slot, false)
	for i := 0; p.Put(message(stray, i, size)) == nil && a.c.fill == full || i == 0; i++ {
	}
	a.ok(seg.DetachSender(slot))
	if dies {
		_, err := seg.LockReceiver()
		a.ok(err)
		seg.AttachReceiver(shm.Owner{}, stopBeat)
	}
	if seg.Publish() != nil { // another maker was first
		a.ok(seg.Discard())
		return
	}
	a.ok(seg.Close())
}

// litter leaves the temporary file of a maker that died on a system without nameless
// files, and sweeps such files at the end.
func (a *arena) litter() {
	stale := filepath.Join(a.o.Dir, ".shmchan-"+strings.Repeat("2", 26))
	require.NoError(a, os.WriteFile(stale, []byte("stale"), 0o600))
	a.Cleanup(func() { require.NoError(a, a.place().Sweep()) })
}

// meddle uses the channel as other processes may at the same time, and restores what
// the scenario begins with.
func (a *arena) meddle() {
	if s, err := ipc.NewSender(ctx, name, a.o); a.sane(err) {
		a.sane(s.TrySend(message(stray, 0, size)))
		a.ok(s.Close())
	}
	_, err := ipc.Inspect(name, a.o)
	a.sane(err)
	if a.c.lacks {
		a.ok(a.place().Sweep())
	}
	a.sane(ipc.Remove(name, a.o))
	a.stage()
}

// sane records an error that attaching and detaching endpoints do not explain.
func (a *arena) sane(err error) bool {
	if k := kind(err); strings.HasPrefix(k, "other") {
		a.ledger.failed("%s", k)
	}
	return err == nil
}

// usurp tries to use the name while the victim is stopped. It returns a receiver, or
// nil if the victim blocks it.
func (a *arena) usurp() *ipc.Receiver {
	a.Helper()
	if a.c.lacks {
		require.NoError(a, a.place().Sweep())
	}
	r, err := ipc.NewReceiver(ctx, name, a.o)
	if err != nil {
		require.Equal(a, "busy", kind(err))
		return nil
	}
	a.roundTrip(r)
	return r
}

// roundTrip sends a message to r through the channel's name.
func (a *arena) roundTrip(r *ipc.Receiver) {
	a.Helper()
	s, err := ipc.NewSender(ctx, name, a.o)
	if kind(err) == "no slot" {
		return // the stopped victim blocks it
	}
	require.NoError(a, err)
	sent := false
	proctest.Eventually(a, "a message goes round: "+a.c.String(), func() bool {
		if !sent { // messages left in the channel may fill it
			err := s.TrySend(message('y', 0, size))
			require.Contains(a, []string{"ok", "full"}, kind(err))
			sent = err == nil
		}
		for {
			msg, err := r.TryRecv()
			if errors.Is(err, ipc.ErrEmpty) {
				return false
			}
			require.NoError(a, err)
			got, err := open(msg, ipc.Meta{})
			require.NoError(a, err)
			if got.who == 'y' {
				return true
			}
		}
	})
	require.NoError(a, s.Close())
}
