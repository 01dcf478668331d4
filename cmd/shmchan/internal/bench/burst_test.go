package bench

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/reference"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/report"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
	"github.com/shmchan/shmchan/ipc"
)

// The guard measures throughput by bursts. The sender and the receiver take turns: one
// sends a number of messages, then the other takes them. If both ran at the same time,
// the distance between them would change the rate by a factor of two and more, in the
// channel and in the ring, and hide an equally large loss. In turns, a message costs
// what its code and its cache lines cost.

const (
	kindBurst     = "burst"
	kindBareBurst = "bare-burst"
	kindBareTrip  = "bare-trip"
	guardBatch    = 16
	guardLarge    = 64 << 10
)

var (
	bareTrips = Case{Name: report.Latency + "/bare", Unit: report.Nanoseconds, spec: worker.Spec{Kind: kindBareTrip, Size: measure.RecordBytes}}

	bursts, bareBursts           = burstsOf("", worker.Spec{Size: measure.RecordBytes})
	batchBursts, bareBatchBursts = burstsOf("-of-batches", worker.Spec{Size: measure.RecordBytes, Batch: guardBatch})
	largeBursts, bareLargeBursts = burstsOf("-of-64K", worker.Spec{Size: guardLarge, Take: takeAppend})
)

// burstsOf returns the cases of bursts through the channel and through the bare protocol.
func burstsOf(name string, s worker.Spec) (channel, bare Case) {
	s.Capacity = reference.RingBytes
	by := func(prefix, kind string) Case {
		c := Case{Name: report.Throughput + "/" + prefix + name, Unit: report.PerSecond, spec: s}
		c.spec.Kind = kind
		return c
	}
	return by("bursts", kindBurst), by("bare-bursts", kindBareBurst)
}

// turnOf returns the number of messages in a turn, which fit the ring with headers.
func turnOf(s worker.Spec) int { return min(4096, reference.RingBytes/2/s.Size) }

// burstPart is one process's part: it sends the messages from n on, or takes some.
type burstPart struct {
	m    *reference.Memory
	spec worker.Spec
	send func(n uint64) error
	take func() (int, error)
	over func() error
}

// each is the number of messages that send sends.
func (e *burstPart) each() int { return max(e.spec.Batch, 1) }

func openBurst(a *self, s worker.Step) (worker.Part, error) {
	e := &burstPart{m: a.mem, spec: s.Spec}
	ctx := context.Background()
	if s.Side == worker.Receiving {
		r, err := ipc.NewReceiver(ctx, worker.Ways[0], a.options(s.Spec))
		if err != nil {
			return nil, err
		}
		check := measure.NewChecker(s.Spec.Size).How(s.Spec)
		e.take = func() (int, error) { return r.Consume(ctx, 0, check) }
		if s.Spec.Take == takeAppend {
			buf := make([]byte, 0, s.Spec.Size)
			e.take = func() (int, error) {
				if buf, err = r.RecvAppend(ctx, buf[:0]); err != nil {
					return 0, err
				}
				return 1, check(buf)
			}
		}
		e.over = r.Close
		return e, nil
	}
	sender, err := a.attach(worker.Ways[0], s.Spec)
	if err != nil {
		return nil, err
	}
	msgs := newMessages(e.spec)
	e.send = func(n uint64) error {
		for i, msg := range msgs {
			measure.Number(msg, worker.Sending, n+uint64(i))
		}
		if len(msgs) == 1 {
			return sender.Send(ctx, msgs[0])
		}
		_, err := sender.SendBatch(ctx, msgs)
		return err
	}
	e.over = sender.Close
	return e, nil
}

// newMessages returns the messages of a batch, or one message.
func newMessages(s worker.Spec) [][]byte {
	msgs := make([][]byte, max(s.Batch, 1))
	for i := range msgs {
		msgs[i] = measure.NewMessage(s.Size, worker.Sending)
	}
	return msgs
}

// Run takes turns by the word of the line: if it is odd, it is the receiver's turn.
func (e *burstPart) Run(s worker.Step) (worker.Reply, error) {
	if e.take == nil {
		return worker.Reply{}, e.sends()
	}
	m, whose, burst := measure.NewMeter(s.Warm, s.For), &e.m.Line, turnOf(e.spec)
	for turn := uint64(1); ; turn += 2 {
		if err := worker.Await(func() bool { return whose.Load() == turn }); err != nil {
			return worker.Reply{}, err
		}
		for got := 0; got < burst; {
			n, err := e.take()
			if err != nil {
				return worker.Reply{}, err
			}
			got += n
		}
		if m.Add(burst) {
			break
		}
		whose.Store(turn + 1)
	}
	whose.Store(reference.Over)
	r := m.Reply()
	if e.spec.Twice {
		r.Count /= 2
	}
	return r, worker.Await(func() bool { return whose.Load() == 0 })
}

func (e *burstPart) sends() error {
	whose, n := &e.m.Line, uint64(0)
	for turn := uint64(0); turn != reference.Over; {
		for range turnOf(e.spec) / e.each() {
			if err := e.send(n); err != nil {
				return err
			}
			n += uint64(e.each())
		}
		whose.Store(turn + 1)
		if err := worker.Await(func() bool { turn = whose.Load(); return turn&1 == 0 || turn == reference.Over }); err != nil {
			return err
		}
	}
	whose.Store(0)
	return nil
}

func (e *burstPart) Close() error { return e.over() }

// Every burst runs through the channel and the bare protocol, once and twice.
func TestBursts(t *testing.T) {
	for _, twice := range []bool{false, true} {
		var cases []Case
		for _, c := range []Case{bursts, bareBursts, batchBursts, bareBatchBursts, largeBursts, bareLargeBursts} {
			c.spec.Twice = twice
			cases = append(cases, c)
		}
		rep, err := Measure(t.Context(), cases, brief, func(Case) {})
		require.NoError(t, err)
		for _, r := range rep.Results {
			require.Positive(t, r.Runs[0].Count, r.Name)
		}
	}
}
