//go:build failpoints

package kill

import (
	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

// receiverStory: the victim is the receiver, and the senders are in this process.
// Unless they are busy, one of them waits, for room or for its message to be
// received.
func receiverStory(a *arena) bool {
	a.make()
	a.sender('s')
	a.start()
	if a.c.busy {
		a.busySenders()
	} else {
		a.batch('s')
		c, err := a.s['s'].Claim(ctx, size)
		require.NoError(a, err)
		require.NoError(a, c.Abort())
		a.waiter()
	}
	return a.receiverFate(nil)
}

// batch sends three messages at once.
func (a *arena) batch(who byte) {
	a.Helper()
	var msgs [][]byte
	for range 3 {
		msgs = append(msgs, message(who, a.ledger.next(who), size))
	}
	n, err := a.s[who].SendBatch(ctx, msgs)
	require.NoError(a, err)
	a.ledger.add(who, 0, n)
}

// aheadStory: the victim takes several messages before it releases them, from the
// middle of one batch to the middle of the next.
func aheadStory(a *arena) bool {
	a.make()
	a.sender('s')
	a.start()
	a.batch('s')
	a.batch('s')
	if a.c.busy {
		a.busySenders()
	} else {
		a.waiter()
	}
	return a.receiverFate(nil)
}

func (a *arena) busySenders() {
	a.sender('b')
	a.busy('b')
	a.busy('s')
}

// waiter fills the ring, if the cell requires that, and makes a sender wait.
func (a *arena) waiter() {
	a.Helper()
	f := a.sender('f')
	if a.c.fill == full {
		a.fillUp(0)
	} else {
		a.send('f', size)
	}
	i := a.ledger.next('f')
	a.background(func() bool {
		var err error
		if a.c.fill == full {
			if err = f.Send(ctx, message('f', i, size)); err == nil {
				a.ledger.add('f', 0, 1)
			}
		} else {
			err = f.Flush(ctx)
			a.ledger.add('f', -1, 0)
		}
		if a.c.durable {
			a.ok(err)
		}
		return false
	})
	a.asleep(a.peek.Ring())
}

// sleeperStory: the victim waits for a message.
func sleeperStory(a *arena) bool {
	a.make()
	a.sender('s')
	a.start()
	if a.c.busy {
		a.busySenders()
		return a.receiverFate(nil)
	}
	return a.receiverFate(func() bool {
		asleep := a.peek.Ring().Doorbell().Announced()
		if asleep {
			a.send('s', size)
		}
		return asleep
	})
}

// recoveryStory: a sender has died with an open claim at head.
func recoveryStory(a *arena) bool {
	a.make()
	a.sender('s')
	a.start()
	a.dead(1, size)
	a.send('s', size)
	if a.c.busy {
		a.busySenders()
		a.churn(func() { a.dead(1, size) })
	} else {
		a.waiter()
		a.skips = 1
	}
	return a.receiverFate(nil)
}

// receiverFate kills or stops the receiver; the others must continue.
func (a *arena) receiverFate(nudge func() bool) bool {
	a.Helper()
	if !a.meet(nudge) {
		a.scrap()
		return false
	}
	if a.c.action == "stop" || a.c.point == "" {
		if a.c.point != "" {
			a.stand()
			a.resume()
		}
		require.Equal(a, "ok", a.result)
		a.victim.Tell("end")
		a.rest()
		for _, s := range a.s {
			require.NoError(a, s.Flush(ctx))
		}
		a.victim.Tell("close")
		a.part()
		require.Equal(a, "ok", a.result)
		require.NoError(a, a.ledger.check(0, 0), a.c)
		if !a.c.durable {
			a.scrap()
			return true
		}
	}
	a.successor()
	return true
}

// successor is the next receiver. It continues with the channel or, if that can't be
// used, with a new one.
func (a *arena) successor() {
	a.Helper()
	finished, err := a.peek.Finished()
	require.NoError(a, err)
	require.False(a, finished && a.c.durable)
	a.ledger.first = len(a.ledger.got)
	if finished {
		for who, s := range a.s {
			a.inTime("a sender learns of the receiver's death", func() bool {
				select {
				case <-s.Done():
					return true
				default:
					return false
				}
			})
			require.NoError(a, s.Close())
			delete(a.s, who)
		}
		a.rest()
		a.ledger.sent = map[byte]int{} // they may be lost with the receiver
		require.NoError(a, a.ledger.check(0, 0), a.c)
		a.ledger, a.skips = newLedger(), -1
		require.NoError(a, a.peek.Close())
		a.peek = nil
		a.witness() // a new life of the channel
	}
	a.receiver()
	a.pump()
	if finished {
		a.sender('s')
	}
	a.goOn()
	switch a.c.do {
	case "consume", "consume all": // killed before the release: the message is repeated
		a.settleAll(1, 0)
	case "ahead":
		a.settleAll(2, 0)
	case "recv", "unbatch": // killed after the release: the message is lost
		a.settleAll(0, 1)
	default:
		a.settleAll(0, 0)
	}
}

// drainStory: the victim receives until no sender is left, while busy senders attach
// and detach.
func drainStory(a *arena) bool {
	a.make()
	a.sender('s')
	a.start()
	if a.c.fill == full {
		a.fillUp(0)
	} else {
		a.send('s', size)
	}
	if a.c.forked {
		a.outlive()
	}
	require.NoError(a, a.s['s'].Close())
	delete(a.s, 's')
	if a.c.busy {
		a.churn(a.newcomer)
	}
	if !a.meet(nil) {
		a.scrap()
		return false
	}
	a.childEnds() // now its slot can be taken
	if a.c.action == "stop" || a.c.point == "" {
		if a.c.point != "" {
			if !a.c.busy {
				a.newcomer() // it can't attach, or its message is received
			}
			a.stand()
			a.resume()
		}
		require.Equal(a, "disconnected", a.result)
		a.rest()
		require.NoError(a, a.ledger.check(0, 0), a.c)
		a.victim.Tell("end")
		a.part()
	}
	a.successor()
	return true
}

// newcomer attaches, sends and closes, if the channel lets it.
func (a *arena) newcomer() {
	s, err := ipc.NewSender(ctx, name, a.o)
	if !a.sane(err) {
		return
	}
	i := a.ledger.next('n')
	if a.sane(s.TrySend(message('n', i, size))) {
		a.ledger.add('n', 0, 1)
	} else {
		a.ledger.add('n', -1, 0)
	}
	a.ok(s.Close())
}

// visitorStory: the victim attaches as the receiver, and closes.
func visitorStory(a *arena) bool {
	a.make()
	a.sender('s')
	a.start()
	if a.c.busy {
		a.busySenders()
	} else {
		a.send('s', size)
		a.waiter()
	}
	if !a.meet(nil) {
		a.scrap()
		return false
	}
	if a.c.action == "stop" || a.c.point == "" {
		if a.c.point != "" {
			a.stand()
			a.resume()
		}
		require.Equal(a, "ok", a.result)
		a.victim.Tell("end")
		a.part()
	}
	a.successor()
	return true
}
