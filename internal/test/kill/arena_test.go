//go:build failpoints

package kill

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
	"github.com/shmchan/shmchan/shm"
)

const (
	capacity   = 4096
	maxSenders = 5

	// A death must be noticed within two of these. They are long enough that a busy
	// machine does not look like a delay.
	killBeat = 200 * time.Millisecond
	// While a process is stopped, every timeout of the others must expire; the
	// longest is lateTick, four heartbeats.
	stopBeat = 5 * time.Millisecond
	stopFor  = 6 * stopBeat
)

// arena is a channel with endpoints in this process, and a victim.
type arena struct {
	testing.TB
	c      cell
	o      *ipc.Options
	ledger *ledger
	victim *proctest.Proc
	fate   time.Time     // when the victim's fate was observed
	fateAt time.Duration // the same, by clock
	hits   map[string]int
	result string // result that the victim reported at the end of its play
	late   string // what did not happen within two heartbeats

	r         *ipc.Receiver
	peek      *shm.Segment // for reading the doorbells
	s         map[byte]*ipc.Sender
	work      sync.WaitGroup
	held      *ipc.Claim    // by the sender 'h', at head
	child     *shm.Segment  // holds the lock of a dead sender
	onHold    func()        // called while the victim is held
	onFate    func()        // called after the victim was killed or stopped
	afterFate func()        // called after the others have continued
	nudge     func() bool   // what the victim needs in order to continue
	buried    int           // slots left as killed senders leave them
	skips     int           // claims that must have been skipped at the end; -1: unknown
	halt      chan struct{} // closed: busy goroutines return
	working   atomic.Int32  // busy goroutines that have not returned
	slowly    atomic.Bool   // the receiver
	cancel    context.CancelFunc
}

func newArena(t testing.TB, c cell) *arena {
	a := &arena{TB: t, c: c, ledger: newLedger(), skips: -1, s: map[byte]*ipc.Sender{}, halt: make(chan struct{}), hits: map[string]int{}}
	a.o = &ipc.Options{Dir: proctest.Dir(t), Capacity: capacity, MaxSenders: maxSenders, KeepOpen: true, Heartbeat: killBeat, Spin: -1, Durable: c.durable}
	if c.action == "stop" {
		a.o.Heartbeat = stopBeat
	}
	if c.lacks {
		a.litter()
	}
	t.Cleanup(func() {
		if t.Failed() {
			a.abandon()
		}
	})
	return a
}

// abandon ends everything that a failed test left behind.
func (a *arena) abandon() {
	if a.held != nil {
		_ = a.held.Abort()
	}
	for _, s := range a.s {
		_ = s.Close()
	}
	a.quiet()
	if a.child != nil {
		_ = a.child.Close()
	}
	if a.r != nil {
		_ = a.r.Close()
	}
	if a.peek != nil {
		_ = a.peek.Close()
	}
}

func (a *arena) place() shm.Place { return shm.Place{Dir: a.o.Dir, Base: name} }

// receiver attaches this process's receiver.
func (a *arena) receiver() {
	a.Helper()
	o := *a.o
	switch {
	case a.c.rival == "":
	case a.c.point == "" || a.c.point == a.c.rival:
		o.Heartbeat = 10 * killBeat // so that the victim's comes first
	default:
		o.Heartbeat = killBeat // the survivors depend on it
	}
	r, err := ipc.NewReceiver(ctx, name, &o)
	require.NoError(a, err)
	a.r = r
}

// sender attaches another sender of this process, or creates the channel.
func (a *arena) sender(who byte) *ipc.Sender {
	a.Helper()
	o := *a.o
	o.Create = true
	s, err := ipc.NewSender(ctx, name, &o)
	require.NoError(a, err)
	a.s[who] = s
	return s
}

// send sends one message of n bytes. Precondition: there is room for it.
func (a *arena) send(who byte, n int) {
	a.Helper()
	require.NoError(a, a.s[who].TrySend(message(who, a.ledger.next(who), n)))
	a.ledger.add(who, 0, 1)
}

// pump receives in the background until it is stopped.
func (a *arena) pump() {
	until, cancel := context.WithCancel(ctx)
	a.cancel = cancel
	r := a.r
	a.work.Go(func() {
		for {
			if a.slowly.Load() {
				time.Sleep(50 * time.Microsecond)
			}
			msg, err := r.Recv(until)
			if errors.Is(err, context.Canceled) {
				return
			}
			if err != nil {
				a.ledger.failed("recv: %w", err)
				return
			}
			a.ledger.receive(msg, r.Meta())
		}
	})
}

// busy sends in the background until halt is closed or the channel disconnects.
func (a *arena) busy(who byte) {
	s, n := a.s[who], 0
	a.background(func() bool {
		n++
		msgs := [][]byte{message(who, a.ledger.next(who), 20+n*7%180)}
		if a.c.do == "unbatch" || a.c.do == "ahead" {
			msgs = append(msgs, message(who, a.ledger.next(who), size), message(who, a.ledger.next(who), size))
		}
		sent, err := s.SendBatch(ctx, msgs)
		a.ledger.add(who, 0, sent)
		if a.c.fill != full {
			time.Sleep(time.Duration(n%5) * 40 * time.Microsecond)
		}
		if errors.Is(err, ipc.ErrDisconnected) || errors.Is(err, ipc.ErrClosed) {
			return false
		}
		return a.ok(err)
	})
}

// churn runs step repeatedly and yields in between.
func (a *arena) churn(step func()) {
	a.background(func() bool {
		step()
		time.Sleep(100 * time.Microsecond)
		return true
	})
}

func (a *arena) background(step func() (more bool)) {
	a.working.Add(1)
	halt := a.halt
	a.work.Go(func() {
		defer a.working.Add(-1)
		for more := true; more; {
			select {
			case <-halt:
				return
			default:
				more = step()
			}
		}
	})
}

// ok records an unexpected error, from any goroutine.
func (a *arena) ok(err error) bool {
	if err != nil {
		a.ledger.failed("%w", err)
	}
	return err == nil
}

// inTime waits for something and records it if it did not happen within two
// heartbeats of the victim's death, not counting the time for which this process
// could not run. There is no such bound if the victim was not killed.
func (a *arena) inTime(what string, cond func() bool) {
	a.Helper()
	a.bounded(what, a.c.action == "kill", cond)
}

// ends is inTime regardless of the victim's fate.
func (a *arena) ends(what string, cond func() bool) {
	a.Helper()
	a.bounded(what, a.c.point != "", cond)
}

func (a *arena) bounded(what string, bound bool, cond func() bool) {
	a.Helper()
	late := func() bool { return clock.Since(a.fateAt) >= 2*killBeat }
	stacks := ""
	for !cond() {
		if bound && late() && stacks == "" {
			buf := make([]byte, 1<<20)
			stacks = string(buf[:runtime.Stack(buf, true)])
		}
		require.Less(a, time.Since(a.fate), proctest.Patience, "%s never: %v\n%s", what, a.c, stacks)
		time.Sleep(time.Millisecond)
	}
	if bound && late() {
		a.late = fmt.Sprintf("%s late: %v\n%s", what, a.c, stacks)
	}
}

// witness records when the victim was killed or stopped.
func (a *arena) witness() { a.fate, a.fateAt = time.Now(), clock.Now() }

// quiet ends the goroutines that run in the background.
func (a *arena) quiet() {
	select {
	case <-a.halt:
	default:
		close(a.halt)
	}
	if a.cancel != nil {
		a.cancel()
	}
	a.work.Wait()
}

// scrap ends a situation whose victim did not reach its point, or whose channel can't
// be used again.
func (a *arena) scrap() {
	a.Helper()
	if a.held != nil {
		_ = a.held.Abort()
	}
	for _, s := range a.s {
		require.NoError(a, s.Close())
	}
	a.quiet()
	a.childEnds()
	if a.r != nil {
		require.NoError(a, a.r.Close())
	}
	if a.peek != nil {
		require.NoError(a, a.peek.Close())
	}
	if err := ipc.ForceRemove(name, a.o); err != nil {
		require.Equal(a, "not exist", kind(err))
	}
}
