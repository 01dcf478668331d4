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

// awaitFirst waits, as the first in the queue, for what made a send impossible to
// pass: ErrFull for room for n bytes, ErrBusy for the open claim to be over. Nil means:
// try again. Any other reason is final.
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

// A sender that waits for room looks for it only so often, where many messages of
// the size fit into the ring: the receiver has all of those to take, each look takes
// from it the line to which it gives back, and room for one message would be used
// up at once.
const (
	roomGap   = 2 * time.Microsecond
	manyOfOne = 64
)

// roomPauses is how many pauses to make between looks for room for n bytes.
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
		return nil // the next try has the news
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

// awaitRing waits once for the ring; nil means: look again. The mapping stays while
// it does.
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
		return s.sound(op, err)
	}
	return nil
}

// roomWait is the wait for room of the goroutine that is the first in the queue.
type roomWait struct {
	s         *Sender
	n         int    // bytes of the message
	from      uint64 // tail when the wait began
	announced bool
	head      uint64 // at the last look
	bells     [1]futex.Word
}

func (w *roomWait) ready() bool { return w.s.waiter.HasRoom(w.n) }
func (w *roomWait) over() bool  { return w.s.closed.Load() }
func (w *roomWait) retract()    { w.announced = false }

// look is also for one that was passed before it announced itself: it is to take the mark
// back, and goes before the others again.
func (w *roomWait) look() (bool, error) {
	again, err := w.s.look()
	return again || err == nil && w.announced && w.s.waiter.Passed(), err
}

func (w *roomWait) moves() bool {
	before := w.head
	w.head = w.s.ring.Head()
	return w.head != before && !w.passed()
}

// passed reports whether half a ringful has passed this sender: it is time to stand in
// line.
func (w *roomWait) passed() bool {
	return int64(w.s.ring.Tail()-w.from) > int64(w.s.ring.Capacity()/2)
}

// announce takes a place in line, which stays until the message is sent or given up.
// The beats look after a line that stands, and now and then in any case.
func (w *roomWait) announce() []futex.Word {
	w.s.tx.Join(w.n, w.from)
	w.announced = true
	w.s.beat.Stands()
	w.s.beat.After(nowAndThen)
	return w.s.announce(&w.bells)
}

// announce says that a goroutine is about to sleep on the slot's bell, and fills in
// what it sleeps on.
func (s *Sender) announce(bells *[1]futex.Word) []futex.Word {
	bells[0] = futex.Word{At: s.waiter.Doorbell(), Is: s.waiter.Announce()}
	return bells[:]
}

// look is what a sender does before it sleeps: it finds out whether its receiver is
// there.
func (s *Sender) look() (again bool, err error) {
	s.peers.refresh(s.seg, s.receiver)
	finished, err := s.finished()
	switch {
	case s.closed.Load():
		return true, nil // the next try has the news
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

// finished is Segment.Finished, which asks the kernel, unless nothing has happened
// since the receiver was found to be alive.
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

// Flush blocks until all that this Sender sent before has been received, or ctx
// is done, which is looked at only before a wait. ErrDisconnected if the receiver
// has gone with some of it unreceived.
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

// flushed looks whether head has reached end; errAgain: not yet.
func (s *Sender) flushed(end uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() { // perhaps just now: the ring is unmapped
		return s.named("flush", ErrClosed)
	}
	received := int64(s.ring.Head()-end) >= 0
	switch {
	case s.seg.Broken():
		return s.sound("flush", nil)
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
	listed bool // in flushes
	head   uint64
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

// announce says in the slot that the lowest position of all Flushes is waited for.
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

// awaitLowest tells receiver and beats of the lowest position that a Flush waits for.
// Precondition: mu is held, and the Sender is not closed.
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

// forgetFlush ends a Flush's wait.
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
