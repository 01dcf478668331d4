package reference

import (
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
	"github.com/shmchan/shmchan/internal/order"
	"github.com/shmchan/shmchan/internal/process"
)

// The ring of claims is a ring for many senders, as one writes it in C. A batch claims
// its block of the ring by one compare-and-swap of tail, and publishes it by a stamp in
// the block's first record, stored last. The receiver goes from block to block and
// checks every byte in place. Both sides wait by spinning. Senders also yield the
// processor: if all of them share one, the sender that has claimed a block must run.

// claimsPart is one process of the ring of claims; head and tail count blocks.
type claimsPart struct {
	m      *Memory
	s      worker.Step
	batch  int
	blocks uint64
}

func OpenClaims(m *Memory, s worker.Step) (worker.Part, error) {
	e := &claimsPart{m, s, s.Spec.Batch, uint64(ringRecords / (1 + s.Spec.Batch))}
	if s.Side == worker.Receiving {
		clear(e.m.Ring[:]) // before any sender runs: words left by a reference could be taken for a stamp
	}
	return e, nil
}

func (e *claimsPart) Close() error { return nil }

func (e *claimsPart) Run(s worker.Step) (worker.Reply, error) {
	if e.s.Side == worker.Receiving {
		return e.drain(s)
	}
	return worker.Reply{}, e.fill(uint64(e.s.Side) << measure.SenderShift)
}

// block returns the index of the first record of a block.
func (e *claimsPart) block(pos uint64) int { return int(pos%e.blocks) * (1 + e.batch) }

// fill sends until the receiver stops it, and then adds itself to those that have stopped.
func (e *claimsPart) fill(number uint64) error {
	msg := record{0, measure.W1, measure.W2, measure.W3, measure.W4, measure.W5, measure.W6, measure.W7}
	for head := e.m.Head.Load(); ; {
		tail := e.m.Tail.Load()
		if tail-head >= e.blocks {
			if err := awaitYielding(func() bool {
				head = e.m.Head.Load()
				return e.m.Tail.Load()-head < e.blocks || e.m.stop.Load() > 0
			}); err != nil {
				return err
			}
			if e.m.stop.Load() > 0 {
				e.m.stop.Add(1)
				return nil
			}
			continue
		}
		if !e.m.Tail.CompareAndSwap(tail, tail+1) {
			continue
		}
		at := e.block(tail)
		for i := range e.batch {
			msg[0] = number
			e.m.Ring[at+1+i] = msg
			number++
		}
		// Publishes the block; pairs with the load of the stamp in drain.
		order.Store64(e.m.stampOf(at), tail+1)
	}
}

func (e *claimsPart) drain(s worker.Step) (worker.Reply, error) {
	head, meter, c := uint64(0), measure.NewMeter(s.Warm, s.For), measure.NewChecker(measure.RecordBytes)
	for more := true; more; more = !meter.Add(e.batch) {
		at := e.block(head)
		stamp := e.m.stampOf(at)
		if err := worker.Await(func() bool { return stamp.Load() == head+1 }); err != nil {
			return worker.Reply{}, err
		}
		for i := range e.batch {
			if err := c.Small(bytesOf(&e.m.Ring[at+1+i])); err != nil {
				return worker.Reply{}, err
			}
		}
		head++
		// Releases the block; pairs with the load of head in fill.
		order.Store64(&e.m.Head, head)
	}
	e.m.stop.Store(1)
	all := uint64(e.s.Spec.Processes())
	if err := awaitYielding(func() bool { return e.m.stop.Load() == all }); err != nil {
		return worker.Reply{}, err
	}
	e.m.stop.Store(0)
	e.m.Head.Store(0)
	e.m.Tail.Store(0)
	return meter.Reply(), nil
}

// awaitYielding is worker.Await for processes that share a processor: it yields.
func awaitYielding(ready func() bool) error {
	const looks = 64
	return worker.Await(func() bool {
		for range looks {
			if ready() {
				return true
			}
		}
		process.Yield()
		return false
	})
}
