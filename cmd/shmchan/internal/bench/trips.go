package bench

import (
	"context"
	"errors"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shmchan/shmchan/internal/process"
	"github.com/shmchan/shmchan/ipc"
)

// longest is the longest round trip that a histogram tells apart.
const longest = 10 * time.Second

// trips measures round trips, one after another.
func trips(s step, trip func() error) (reply, error) {
	base := time.Now()
	for time.Since(base) < s.Warm {
		if err := trip(); err != nil {
			return reply{}, err
		}
	}
	h := hdrhistogram.New(1, int64(longest), 3)
	count := uint64(0)
	began := time.Since(base)
	for end := began + s.For; ; count++ {
		if s.Spec.Rested {
			rest()
		}
		from := time.Since(base)
		if from >= end && count > 0 {
			break
		}
		if err := trip(); err != nil {
			return reply{}, err
		}
		if err := h.RecordValue(int64(time.Since(base) - from)); err != nil {
			return reply{}, err
		}
	}
	raw, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	return reply{Count: count, Took: time.Since(base) - began, Hist: raw}, err
}

// rest lets the other side fall asleep. On its way there it may be as long as a wake
// takes: a message that came meanwhile would find it awake.
func rest() {
	const enough = 30 * time.Microsecond
	for start := time.Now(); time.Since(start) < enough; {
		process.Yield()
	}
}

// tripEnd is one process of a pair of channels, there and back.
type tripEnd struct {
	r       *ipc.Receiver
	s       *ipc.Sender
	asks    bool
	twice   bool // each trip is two
	message []byte
}

func openTrip(a *actor, s step) (_ end, err error) {
	in, out := ways[0], ways[1]
	e := &tripEnd{asks: s.Side == receiving, twice: s.Spec.Twice, message: newMessage(s.Spec.Size, s.Side)}
	if e.asks {
		in, out = out, in
	}
	if e.r, err = ipc.NewReceiver(context.Background(), in, a.options(s.Spec)); err != nil {
		return nil, err
	}
	if e.s, err = a.attach(out, s.Spec); err != nil {
		return nil, errors.Join(err, e.r.Close())
	}
	return e, nil
}

func (e *tripEnd) run(s step) (reply, error) {
	if !e.asks {
		return reply{}, e.answer()
	}
	trip := e.trip()
	if e.twice {
		once := trip
		trip = func() error { return errors.Join(once(), once()) }
	}
	r, err := trips(s, trip)
	// An empty message tells the other side: it sees that at once, also where it
	// spins so long that it would look for a Close much later.
	return r, errors.Join(err, e.s.Send(context.Background(), nil))
}

// trip returns what sends a message there and takes it back.
func (e *tripEnd) trip() func() error {
	ctx, c := context.Background(), newChecker(len(e.message))
	buf, n := make([]byte, 0, len(e.message)), uint64(0)
	return func() (err error) {
		number(e.message, 0, n)
		n++
		if err := e.s.Send(ctx, e.message); err != nil {
			return err
		}
		if buf, err = e.r.RecvAppend(ctx, buf[:0]); err != nil {
			return err
		}
		return c.edges(buf)
	}
}

func (e *tripEnd) answer() error {
	ctx := context.Background()
	for buf := make([]byte, 0, len(e.message)); ; {
		var err error
		if buf, err = e.r.RecvAppend(ctx, buf[:0]); err == nil {
			err = e.s.Send(ctx, buf)
		}
		if err != nil || len(buf) == 0 {
			return err
		}
	}
}

func (e *tripEnd) close() error { return errors.Join(e.s.Close(), e.r.Close()) }

// bareEnd is a reference as a case of its own, with all its percentiles.
type bareEnd struct {
	m *memory
	s step
}

func openBare(a *actor, s step) (end, error) { return &bareEnd{a.mem, s}, nil }

func (e *bareEnd) run(s step) (reply, error) {
	futex := e.s.Spec.Kind == kindFutex
	switch asks := e.s.Side == receiving; {
	case asks && futex:
		n := uint32(0)
		r, err := trips(s, func() error { return e.m.crossFutex(&n) })
		return r, errors.Join(err, e.m.endFutex())
	case asks:
		n := uint64(0)
		r, err := trips(s, func() error { return e.m.crossLine(&n) })
		return r, errors.Join(err, e.m.endLine())
	case futex:
		return reply{}, e.m.answerFutex()
	}
	return reply{}, e.m.answerLine()
}

func (e *bareEnd) close() error { return nil }
