package bench

import (
	"context"

	"github.com/shmchan/shmchan/ipc"
)

// Bursts are what the guard measures of throughput: the sender sends so many
// messages, then the receiver takes them, in turns. When both run at once, who
// happens to chase whom changes the rate by a factor of two and more, in the
// channel and in the ring, and hides a loss as large. In turns a message costs
// what its code and its cache lines cost.

const (
	kindBurst     = "burst"
	kindBareBurst = "bare-burst"
	kindBareTrip  = "bare-trip"
	burst         = 4096 // fits the ring, headers included
)

var (
	bursts     = Case{Name: Throughput + "/bursts", Unit: PerSecond, spec: spec{Kind: kindBurst, Size: recordBytes, Capacity: ringBytes}}
	bareBursts = Case{Name: Throughput + "/bare-bursts", Unit: PerSecond, spec: spec{Kind: kindBareBurst, Size: recordBytes}}
	bareTrips  = Case{Name: Latency + "/bare", Unit: Nanoseconds, spec: spec{Kind: kindBareTrip, Size: recordBytes}}
)

// burstEnd is one process: it sends one message, or takes some.
type burstEnd struct {
	m     *memory
	twice bool
	send  func(n uint64) error
	take  func() (int, error)
	over  func() error
}

func openBurst(a *actor, s step) (end, error) {
	e := &burstEnd{m: a.mem, twice: s.Spec.Twice}
	ctx := context.Background()
	if s.Side == receiving {
		r, err := ipc.NewReceiver(ctx, ways[0], a.options(s.Spec))
		if err != nil {
			return nil, err
		}
		c := newChecker(recordBytes)
		e.take = func() (int, error) { return r.Consume(ctx, 0, c.small) }
		e.over = r.Close
		return e, nil
	}
	sender, err := a.attach(ways[0], s.Spec)
	if err != nil {
		return nil, err
	}
	msg := newMessage(recordBytes, sending)
	e.send = func(n uint64) error {
		number(msg, sending, n)
		return sender.Send(ctx, msg)
	}
	e.over = sender.Close
	return e, nil
}

// run takes turns by the word of the line: odd, it is the receiver's.
func (e *burstEnd) run(s step) (reply, error) {
	if e.take == nil {
		return reply{}, e.sends()
	}
	m, whose := newMeter(s.Warm, s.For), &e.m.line
	for turn := uint64(1); ; turn += 2 {
		if err := await(func() bool { return whose.Load() == turn }); err != nil {
			return reply{}, err
		}
		for got := 0; got < burst; {
			n, err := e.take()
			if err != nil {
				return reply{}, err
			}
			got += n
		}
		if m.add(burst) {
			break
		}
		whose.Store(turn + 1)
	}
	whose.Store(over)
	r := m.reply()
	if e.twice {
		r.Count /= 2
	}
	return r, await(func() bool { return whose.Load() == 0 })
}

func (e *burstEnd) sends() error {
	whose, n := &e.m.line, uint64(0)
	for turn := uint64(0); turn != over; {
		for range burst {
			if err := e.send(n); err != nil {
				return err
			}
			n++
		}
		whose.Store(turn + 1)
		if err := await(func() bool { turn = whose.Load(); return turn&1 == 0 || turn == over }); err != nil {
			return err
		}
	}
	whose.Store(0)
	return nil
}

func (e *burstEnd) close() error { return e.over() }
