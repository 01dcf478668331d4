package ipc

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/shmchan/shmchan/internal/cpu"
	"github.com/shmchan/shmchan/internal/futex"
	"github.com/shmchan/shmchan/shm"
)

// awaitFirst makes the first goroutine in the queue wait for the cause of a failed
// send to pass: for room for n bytes after ErrFull, for the end of the open claim
// after ErrBusy. After nil the caller tries again. Any other cause is final.
func (s *Sender) awaitFirst(ctx context.Context, op string, p *place, why error, n int) error {
	switch why {
	case ErrFull:
		s.room.n, s.room.from = n, p.from
		return s.awaitRing(ctx, op, &s.room, s.roomPauses(n))
	case ErrBusy:
		return s.awaitClaim(ctx, op)
	}
	return s.named(op, why)
}

// A sender that waits for room polls with pauses, if many messages of its size fit
// into the ring. The receiver has to take all of those, each poll steals the line
// that the receiver is about to write, and room for a single message would be used
// up at once.
const (
	roomGap   = 2 * time.Microsecond
	manyOfOne = 64
)

// roomPauses returns the number of pauses between two polls for room for n bytes.
func (s *Sender) roomPauses(n int) uint32 {
	if s.ring.Capacity()/manyOfOne < n {
		return 0
	}
	return cpu.Pauses(roomGap)
}

// awaitClaim waits until no claim is open.
func (s *Sender) awaitClaim(ctx context.Context, op string) error {
	s.mu.Lock()
	if s.closed.Load() || !s.tx.Open() {
		s.mu.Unlock()
		return nil // the next try finds out
	}
	if s.resolved == nil {
		s.resolved = make(chan struct{})
	}
	resolved := s.resolved
	s.mu.Unlock()
	if ctx.Err() == nil {
		select {
		case <-resolved:
			return nil
		case <-ctx.Done():
		}
	}
	return s.fail(op, ctx.Err())
}

// awaitRing waits once for the ring. After nil the caller checks again. The mapping
// stays while it waits.
func (s *Sender) awaitRing(ctx context.Context, op string, w waits, pauses uint32) error {
	s.mu.Lock()
	if s.closed.Load() {
		s.mu.Unlock()
		return s.named(op, ErrClosed)
	}
	s.sleepers.Add(1)
	s.mu.Unlock()
	err := s.endpoint.await(ctx, op, w, pauses)
	s.mu.Lock()
	if s.sleepers.Add(-1) == 0 {
		s.beat.Disarm()
		s.awake.Broadcast()
	}
	s.mu.Unlock()
	if err != nil {
		return s.orBroken(op, err)
	}
	return nil
}

// roomWait is the wait for room of the first goroutine in the queue.
type roomWait struct {
	s         *Sender
	n         int    // bytes of the message
	from      uint64 // tail when the wait began
	announced bool
	head      uint64 // at the last call of moves
	bells     [1]futex.Word
}

func (w *roomWait) ready() bool { return w.s.waiter.HasRoom(w.n) }
func (w *roomWait) over() bool  { return w.s.closed.Load() }
func (w *roomWait) retract()    { w.announced = false }

// look also returns true if this sender was passed in the line before it announced
// itself. Join then takes the mark back, and the sender goes before the others
// again.
func (w *roomWait) look() (bool, error) {
	again, err := w.s.look()
	return again || err == nil && w.announced && w.s.waiter.Passed(), err
}

func (w *roomWait) moves() bool {
	before := w.head
	w.head = w.s.ring.Head()
	return w.head != before && !w.passed()
}

// passed reports whether half a ringful has passed this sender, so that it should
// join the line.
func (w *roomWait) passed() bool {
	return int64(w.s.ring.Tail()-w.from) > int64(w.s.ring.Capacity()/2)
}

// announce takes a place in line, which stays until the message is sent or given up.
// The beats check for a line that does not advance, and in any case every checkEvery
// beats.
func (w *roomWait) announce() []futex.Word {
	w.s.tx.Join(w.n, w.from)
	w.announced = true
	w.s.beat.Stands()
	w.s.beat.After(checkEvery)
	return w.s.announce(&w.bells)
}

// announce announces that a goroutine is about to sleep on the slot's doorbell, and
// fills in bells.
func (s *Sender) announce(bells *[1]futex.Word) []futex.Word {
	bells[0] = futex.Word{At: s.waiter.Doorbell(), Is: s.waiter.Announce()}
	return bells[:]
}

// look finds out, before a sleep, whether the sender's receiver is there.
func (s *Sender) look() (again bool, err error) {
	s.peers.refresh(s.seg, s.receiver)
	finished, err := s.finished()
	switch {
	case s.closed.Load():
		return true, nil // the next try finds out
	case s.seg.Broken():
		return false, s.seg.BrokenError()
	case err != nil:
		return false, err
	case finished:
		s.ring.Close()
		return false, ErrDisconnected
	}
	return false, nil
}

// receiver yields the receiver's slot.
func (s *Sender) receiver(yield func(int, shm.Endpoint) bool) { yield(-1, s.seg.ReceiverEndpoint()) }

// finished is Segment.Finished, but asks the kernel only if something has happened
// since the receiver was last found alive.
func (s *Sender) finished() (bool, error) {
	if s.ring.Closed() {
		return true, nil
	}
	key := s.alive.now(s.seg)
	if s.alive.still(key) {
		return false, nil
	}
	finished, err := s.seg.Finished()
	if !finished && err == nil {
		s.alive.found(key)
	}
	return finished, err
}

// Flush blocks until every message that this Sender sent before the call has been
// received, or ctx is done; it checks ctx only before it waits. It returns
// ErrDisconnected if the receiver has gone without receiving all of them.
func (s *Sender) Flush(ctx context.Context) error {
	s.mu.Lock()
	end, closed := s.tx.End(), s.closed.Load()
	s.mu.Unlock()
	if closed {
		return s.named("flush", ErrClosed)
	}
	w := &flushWait{s: s, end: end}
	defer s.forgetFlush(end, w)
	for {
		err := s.flushed(end)
		if err != errAgain {
			return err
		}
		if err := s.awaitRing(ctx, "flush", w, 0); err != nil {
			if errors.Is(err, ErrDisconnected) && s.flushed(end) == nil {
				return nil
			}
			return err
		}
	}
}

// flushed returns nil if head has reached end, and errAgain if not yet.
func (s *Sender) flushed(end uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() { // the ring may have just been unmapped
		return s.named("flush", ErrClosed)
	}
	received := int64(s.ring.Head()-end) >= 0
	switch {
	case s.seg.Broken():
		return s.orBroken("flush", nil)
	case received:
		return nil
	case s.ring.Closed():
		return s.named("flush", ErrDisconnected)
	}
	return errAgain
}

// flushWait is the wait of one Flush.
type flushWait struct {
	s      *Sender
	end    uint64
	listed bool   // in flushes
	head   uint64 // at the last call of moves
	bells  [1]futex.Word
}

func (w *flushWait) ready() bool         { return int64(w.s.ring.Head()-w.end) >= 0 }
func (w *flushWait) over() bool          { return w.s.closed.Load() }
func (w *flushWait) look() (bool, error) { return w.s.look() }
func (w *flushWait) retract()            {}

func (w *flushWait) moves() bool {
	before := w.head
	w.head = w.s.ring.Head()
	return w.head != before
}

// announce stores in the slot the lowest position that any Flush waits for.
func (w *flushWait) announce() []futex.Word {
	w.s.mu.Lock()
	if !w.listed {
		w.listed = true
		w.s.flushes = append(w.s.flushes, w.end)
	}
	w.s.awaitLowest()
	w.s.mu.Unlock()
	return w.s.announce(&w.bells)
}

// awaitLowest tells the receiver and the beats the lowest position that any Flush
// waits for. Preconditions: mu is held, and the Sender is not closed.
func (s *Sender) awaitLowest() {
	if len(s.flushes) == 0 {
		s.waiter.AwaitNothing()
		s.beat.Reached()
		return
	}
	lowest := slices.MinFunc(s.flushes, func(a, b uint64) int { return int(int64(a - b)) })
	s.beat.Reaches(lowest)
	s.waiter.Await(lowest)
}

// forgetFlush ends the wait of a Flush.
func (s *Sender) forgetFlush(end uint64, w *flushWait) {
	if !w.listed {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.flushes, end)
	s.flushes = slices.Delete(s.flushes, i, i+1)
	if !s.closed.Load() {
		s.awaitLowest()
	}
}
