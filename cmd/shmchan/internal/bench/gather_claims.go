package bench

import (
	"github.com/shmchan/shmchan/internal/order"
	"github.com/shmchan/shmchan/internal/process"
)

// The ring of claims is for many senders, as one writes it in C: a batch claims its
// block of the ring by one compare-and-swap of tail, and one stamp in the block's
// first record, stored last, says at which position it is whole. The receiver walks
// from block to block and checks every byte where it lies. Nobody waits but by
// spinning, and by yielding the processor: where all senders share one, the one that
// has claimed must get it.

// claimsEnd is one process of it; head and tail count blocks.
type claimsEnd struct {
	m      *memory
	s      step
	batch  int
	blocks uint64
}

func openClaims(a *actor, s step) (end, error) {
	e := &claimsEnd{a.mem, s, s.Spec.Batch, uint64(ringRecords / (1 + s.Spec.Batch))}
	if s.Side == receiving {
		clear(e.m.ring[:]) // before any sender runs: what a reference left may look like a stamp
	}
	return e, nil
}

func (e *claimsEnd) close() error { return nil }

func (e *claimsEnd) run(s step) (reply, error) {
	if e.s.Side == receiving {
		return e.drain(s)
	}
	return reply{}, e.fill(uint64(e.s.Side) << senderShift)
}

// block returns the index of the first record of a block.
func (e *claimsEnd) block(pos uint64) int { return int(pos%e.blocks) * (1 + e.batch) }

// fill sends until the receiver has had enough, and then counts itself off.
func (e *claimsEnd) fill(number uint64) error {
	msg := record{0, w1, w2, w3, w4, w5, w6, w7}
	for head := e.m.head.Load(); ; {
		tail := e.m.tail.Load()
		if tail-head >= e.blocks {
			if err := awaitYielding(func() bool {
				head = e.m.head.Load()
				return e.m.tail.Load()-head < e.blocks || e.m.stop.Load() > 0
			}); err != nil {
				return err
			}
			if e.m.stop.Load() > 0 {
				e.m.stop.Add(1)
				return nil
			}
			continue
		}
		if !e.m.tail.CompareAndSwap(tail, tail+1) {
			continue
		}
		at := e.block(tail)
		for i := range e.batch {
			msg[0] = number
			e.m.ring[at+1+i] = msg
			number++
		}
		// Publishes the block; pairs with the load of the stamp in drain.
		order.Store64(e.m.stampOf(at), tail+1)
	}
}

func (e *claimsEnd) drain(s step) (reply, error) {
	head, meter, c := uint64(0), newMeter(s.Warm, s.For), newChecker(recordBytes)
	for more := true; more; more = !meter.add(e.batch) {
		at := e.block(head)
		stamp := e.m.stampOf(at)
		if err := await(func() bool { return stamp.Load() == head+1 }); err != nil {
			return reply{}, err
		}
		for i := range e.batch {
			if err := c.small(bytesOf(&e.m.ring[at+1+i])); err != nil {
				return reply{}, err
			}
		}
		head++
		// Gives the room back; pairs with the load of head in fill.
		order.Store64(&e.m.head, head)
	}
	e.m.stop.Store(1)
	all := uint64(e.s.Spec.processes())
	if err := awaitYielding(func() bool { return e.m.stop.Load() == all }); err != nil {
		return reply{}, err
	}
	e.m.stop.Store(0)
	e.m.head.Store(0)
	e.m.tail.Store(0)
	return meter.reply(), nil
}

// awaitYielding is await where others may need the processor.
func awaitYielding(ready func() bool) error {
	const looks = 64
	return await(func() bool {
		for range looks {
			if ready() {
				return true
			}
		}
		process.Yield()
		return false
	})
}
