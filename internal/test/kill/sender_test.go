//go:build failpoints

package kill

import (
	"context"
	"errors"
	"os/exec"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/process"
	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
	"github.com/shmchan/shmchan/shm"
)

// make creates the channel with no endpoint attached.
func (a *arena) make() {
	a.Helper()
	c := shm.Config{Capacity: capacity, MaxSenders: maxSenders, Durable: a.c.durable}
	if a.c.fill == wrap {
		c.Start = capacity - 24
	}
	seg, err := shm.Create(a.place(), c)
	require.NoError(a, err)
	require.NoError(a, seg.Publish())
	a.peek = seg
}

// fillUp sends until exactly rest bytes of the ring are free.
func (a *arena) fillUp(rest uint64) {
	a.Helper()
	for {
		stats := a.s['s'].Stats()
		free := capacity - (stats.Tail - stats.Head)
		if free == rest {
			return
		}
		step := min(free-rest, 512)
		if left := free - rest - step; left > 0 && left < 32 {
			step -= 32
		}
		a.send('s', int(step)-shm.RecordHeader)
	}
}

// surround creates a channel with a receiver, a sender 's' and, if the ring is to be
// full, a sender 'h' with an open claim at head, so that nothing after it is
// received.
func (a *arena) surround() {
	a.Helper()
	a.make()
	a.receiver()
	a.sender('s')
	if a.c.fill == full && (!a.c.busy || a.c.hold != "") {
		h := a.sender('h')
		held, err := h.Claim(ctx, size)
		require.NoError(a, err)
		a.held = held
		copy(held.Bytes(), message('h', a.ledger.next('h'), size))
	}
}

// commit commits the held claim, if there is one.
func (a *arena) commit() {
	a.Helper()
	if a.held != nil {
		require.NoError(a, a.held.Commit())
		a.ledger.add('h', 0, 1)
		a.held = nil
	}
}

// senderStory: the victim is a sender; the receiver and other senders are in this
// process.
func senderStory(a *arena) bool {
	a.surround()
	a.start()
	if a.c.busy {
		a.sender('b')
		a.slowly.Store(a.c.fill == full)
		a.pump()
		a.busy('b')
		a.busy('s')
	} else {
		a.pump()
		if a.held != nil {
			a.fillUp(a.c.needs)
		}
		a.asleep(a.peek.Ring().Doorbell())
	}
	return a.senderFate(func() bool {
		if a.c.needs > 0 || a.held == nil || !a.peek.Ring().Announced() {
			return false
		}
		a.commit()
		return true
	})
}

// asleep waits until an endpoint has announced its sleep.
func (a *arena) asleep(b interface{ Announced() bool }) {
	a.Helper()
	proctest.Eventually(a, "somebody sleeps", b.Announced)
}

// overtakenStory: between the victim's intent and its claim the ring becomes full,
// perhaps by the claim of a sender that dies in it, at the position that the victim
// intends. Then recovery skips that claim only after the victim, which lives, has
// given up and no longer intends the position.
func overtakenStory(a *arena) bool {
	a.surround()
	a.start()
	a.pump()
	if !a.c.busy {
		a.fillUp(a.c.needs)
	}
	a.onHold = func() {
		if a.c.dies {
			a.dead(1, size)
		}
		if a.c.busy {
			a.sender('b')
			a.busy('b')
		}
		if a.held == nil { // it was stopped before this point: the ring is no longer full
			return
		}
		if a.c.busy {
			a.asleep(a.peek.Ring())
		}
		for a.trySend('s') {
		}
	}
	return a.senderFate(func() bool {
		announced := a.peek.Ring().Announced() && a.c.point != "gave up"
		if announced {
			a.commit()
		}
		return announced
	})
}

// senderFate kills or stops a sender; the others must continue.
func (a *arena) senderFate(nudge func() bool) bool {
	a.Helper()
	a.ledger.add('v', 3, 0) // they may arrive although their Send did not return
	if !a.meet(nudge) {
		a.scrap()
		return false
	}
	if a.c.action == "stop" && a.c.point != "" {
		if !a.c.busy {
			a.trySend('s')
		}
		a.stand()
		if !a.c.busy {
			a.trySend('s')
		}
		a.commit() // the victim may wait for room
		a.resume()
	}
	if !a.c.busy {
		a.commit()
		a.inTime("all is received", func() bool { return a.peek.Ring().Head() == a.peek.Ring().Tail() })
	}
	a.goOn()
	if a.c.action == "stop" || a.c.point == "" {
		require.EqualValues(a, a.buried, a.r.Stats().Skipped)
		a.victim.Tell("end")
		a.part()
		require.EqualValues(a, a.buried, a.r.Stats().Deaths)
	}
	a.settleAll(0, 0)
	return true
}

// trySend sends a message of the victim's size, if there is room.
func (a *arena) trySend(who byte) bool {
	a.Helper()
	i := a.ledger.next(who)
	err := a.s[who].TrySend(message(who, i, size))
	if err == nil {
		a.ledger.add(who, 0, 1)
		return true
	}
	require.ErrorIs(a, err, ipc.ErrFull)
	a.ledger.add(who, -1, 0)
	return false
}

// goOn checks that the others continue.
func (a *arena) goOn() {
	a.Helper()
	a.commit()
	a.slowly.Store(false)
	a.rest()
	i := a.ledger.next('s')
	patient, cancel := context.WithTimeout(ctx, proctest.Patience)
	defer cancel()
	require.NoError(a, a.s['s'].Send(patient, message('s', i, size)), a.c)
	a.ledger.add('s', 0, 1)
	a.inTime("a message is received", func() bool { return a.ledger.has('s', i) })
}

// rest waits until the busy goroutines return, which proves that they continue.
func (a *arena) rest() {
	a.Helper()
	close(a.halt)
	a.inTime("the busy ones go on", func() bool { return a.working.Load() == 0 })
	a.halt = make(chan struct{})
}

// settleAll checks the ledger and that every slot can be taken again, and leaves
// nothing behind.
func (a *arena) settleAll(repeats, missing int) {
	a.Helper()
	require.NoError(a, a.ledger.check(repeats, missing), a.c)
	for _, s := range a.s {
		require.NoError(a, s.Close())
	}
	var all []*ipc.Sender
	for range maxSenders {
		s, err := ipc.NewSender(ctx, name, a.o)
		require.NoError(a, err, a.c)
		i := a.ledger.next('z')
		require.NoError(a, s.TrySend(message('z', i, size)))
		proctest.Eventually(a, "it is received", func() bool { return a.ledger.has('z', i) })
		all = append(all, s)
	}
	for _, s := range all {
		require.NoError(a, s.Close())
	}
	a.quiet()
	stats := a.r.Stats()
	require.Equal(a, a.ledger.taken(), stats.Received, "%v", a.c)
	if a.skips >= 0 {
		require.EqualValues(a, a.skips, stats.Skipped, "%v", a.c)
	}
	require.NoError(a, a.r.Close())
	if a.peek != nil {
		require.NoError(a, a.peek.Close())
	}
	if a.c.durable {
		require.NoError(a, ipc.Remove(name, a.o))
	}
}

// heirStory: all slots but one belong to killed senders, and no receiver has ever
// attached to clean up.
func heirStory(a *arena) bool {
	a.make()
	a.sender('s')
	if a.c.fill == full {
		a.fillUp(0)
	} else {
		a.send('s', size)
	}
	a.dead(maxSenders-1, 0)
	a.start()
	if a.c.busy {
		a.churn(func() {
			if s, err := ipc.NewSender(ctx, name, a.o); err == nil {
				a.ok(s.Close())
			}
			a.dead(maxSenders-1, 0)
		})
	}
	if !a.meet(nil) {
		a.scrap()
		return false
	}
	if a.c.action == "stop" && a.c.point != "" {
		a.stand()
		a.resume()
	}
	a.rest()
	a.receiver()
	a.pump()
	a.goOn()
	if a.c.action == "stop" || a.c.point == "" {
		a.victim.Tell("end")
		a.part()
	}
	a.settleAll(0, 0)
	return true
}

// dead leaves n sender slots as killed senders leave them. claims is the number of
// bytes that the first of them had claimed.
func (a *arena) dead(n, claims int) {
	a.Helper()
	for i := range n {
		seg, err := shm.Open(a.place())
		if !a.ok(err) {
			return
		}
		slot, err := seg.AttachSender(shm.Owner{Process: process.Identity{PID: 1}}, stopBeat)
		if err == nil && i == 0 && claims > 0 {
			_, err = seg.Ring().NewProducer(slot, false).Claim(claims)
		}
		if err == nil {
			a.buried++
		}
		if !errors.Is(err, shm.ErrNoSlot) && !errors.Is(err, shm.ErrFull) { // the others may be busy
			a.ok(err)
		}
		a.ok(seg.Close())
	}
}

// outlive leaves a sender's slot whose owner is gone but whose lock is held, as by a
// forked child, until childEnds.
func (a *arena) outlive() {
	a.Helper()
	cmd := exec.Command("true")
	require.NoError(a, cmd.Run())
	self := process.Self()
	seg, err := shm.Open(a.place())
	require.NoError(a, err)
	_, err = seg.AttachSender(shm.Owner{Process: process.Identity{PID: cmd.Process.Pid, NS: self.NS, Start: self.Start}}, stopBeat)
	require.NoError(a, err)
	a.child = seg
}

func (a *arena) childEnds() {
	a.Helper()
	if a.child != nil {
		require.NoError(a, a.child.Close())
		a.child = nil
	}
}
