//go:build failpoints

package kill

import (
	"context"
	"errors"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/process"
	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
	"github.com/shmchan/shmchan/shm"
)

// Situations in which several senders wait. Whatever happens to one of them, the
// others must continue within a few heartbeats, and while it is stopped, not after it
// continues.

// large is the length of a message that does not fit although there is some room.
const large = 1000

// waitIn makes a sender send, in the background, a message for which there may be no
// room yet.
func (a *arena) waitIn(who byte, n int) {
	a.Helper()
	s := a.s[who]
	if s == nil {
		s = a.sender(who)
	}
	i := a.ledger.next(who)
	a.background(func() bool {
		err := s.Send(ctx, message(who, i, n))
		if err == nil {
			a.ledger.add(who, 0, 1)
		} else if !errors.Is(err, ipc.ErrDisconnected) || a.c.durable {
			a.ok(err)
		}
		return false
	})
}

// flushIn makes a sender wait in the background until its messages are received.
func (a *arena) flushIn(who byte) {
	a.Helper()
	s := a.s[who]
	a.background(func() bool {
		a.ok(s.Flush(ctx))
		return false
	})
}

// sleeping reports whether this many senders have announced a sleep.
func (a *arena) sleeping(n int) bool {
	for i := range maxSenders {
		n -= int(a.peek.Ring().Waiter(i).Doorbell().Load() & 1)
	}
	return n <= 0
}

// inTurn returns a nudge that takes each step when the number of sleeping senders
// equals the step's index, and a function that takes the remaining steps.
func (a *arena) inTurn(steps map[int]func()) (nudge func() bool, rest func()) {
	nudge = func() bool {
		for n, step := range steps {
			if a.sleeping(n) {
				delete(steps, n)
				step()
				break
			}
		}
		return len(steps) == 0
	}
	rest = func() {
		for n := range maxSenders {
			if step := steps[n]; step != nil {
				delete(steps, n)
				step()
			}
		}
	}
	return nudge, rest
}

// firstStory: the victim is the first of three in line. They get their room one after
// another as messages are received.
func firstStory(a *arena) bool {
	a.beginLine(0)
	return a.lineFate(map[int]func(){
		1: func() { a.waitIn('w', large); a.waitIn('x', size) },
		3: a.pump,
	})
}

// secondStory: the victim waits behind the first, and another sender behind it.
func secondStory(a *arena) bool {
	a.beginLine(0)
	a.waitIn('w', large)
	a.asleep(a.peek.Ring())
	return a.lineFate(map[int]func(){
		2: func() { a.waitIn('x', large) },
		3: a.pump,
	})
}

// leaverStory: the victim is the first in line, waits for more room than there is,
// and gives up. Then there is enough room for the others, and nothing is received.
func leaverStory(a *arena) bool {
	a.beginLine(512)
	return a.lineFate(map[int]func(){
		1: func() { a.waitIn('w', size); a.waitIn('x', size) },
	})
}

// flusherStory: the victim waits until its message is received, as others do.
func flusherStory(a *arena) bool {
	a.beginLine(large)
	a.sender('f')
	a.send('f', size)
	a.flushIn('f')
	a.flushIn('s')
	return a.lineFate(map[int]func(){3: a.pump})
}

// passerStory: the first in line has a lock and does not beat, like a stopped
// process. The victim waits behind it and passes it.
func passerStory(a *arena) bool {
	a.beginLine(512)
	seg, err := shm.Open(a.place())
	require.NoError(a, err)
	slot, err := seg.AttachSender(shm.Owner{Process: process.Self()}, stopBeat)
	require.NoError(a, err)
	seg.Ring().NewProducer(slot, true).Join(large, seg.Ring().Tail())
	a.onFate = func() { a.waitIn('w', size) }
	a.afterFate = func() { require.NoError(a, seg.DetachSender(slot)); require.NoError(a, seg.Close()) }
	return a.lineFate(nil)
}

// beginLine creates a channel with a receiver, a sender that has left exactly rest
// bytes of room, and the victim.
func (a *arena) beginLine(rest uint64) {
	a.Helper()
	a.make()
	a.receiver()
	a.sender('s')
	a.fillUp(rest)
	a.start()
}

// lineFate kills or stops a waiting sender. The other waiting senders must continue.
func (a *arena) lineFate(steps map[int]func()) bool {
	a.Helper()
	a.ledger.add('v', 3, 0)
	nudge, rest := a.inTurn(steps)
	met := a.meet(nudge)
	if a.onFate != nil {
		a.onFate()
	}
	rest()
	if met {
		a.ends("those who wait get on", func() bool { return a.working.Load() == 0 })
	}
	if a.afterFate != nil {
		a.afterFate()
	}
	if !met {
		a.scrap()
		return false
	}
	if a.cancel == nil {
		a.pump()
	}
	if a.c.action == "stop" && a.c.point != "" {
		a.resume()
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

// servedStory: the victim is the receiver. Two senders wait for its room, and two
// until their messages are received.
func servedStory(a *arena) bool {
	a.make()
	a.sender('s')
	a.start()
	a.sender('f')
	a.send('f', size)
	a.fillUp(0)
	a.flushIn('f')
	a.waitIn('w', size)
	a.waitIn('x', large)
	proctest.Eventually(a, "they sleep", func() bool { return a.sleeping(3) })
	return a.receiverFate(nil)
}

// giveUp waits briefly for room for a large message.
func giveUp(s *ipc.Sender, i int) (int, error) {
	soon, cancel := context.WithTimeout(ctx, killBeat/2)
	defer cancel()
	err := s.Send(soon, message('v', i, large))
	if errors.Is(err, context.DeadlineExceeded) {
		return 0, nil
	}
	return 1, err
}

// flush sends a message and waits until it is received.
func flush(s *ipc.Sender, i int) (int, error) {
	if err := s.Send(ctx, message('v', i, size)); err != nil {
		return 0, err
	}
	return 1, s.Flush(ctx)
}
