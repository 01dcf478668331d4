package ipc

import (
	"context"
	"errors"
	"time"

	"github.com/shmchan/shmchan/internal/cpu"
	"github.com/shmchan/shmchan/shm"
)

// await waits for what made a send impossible to pass: ErrFull for room for n
// bytes, ErrBusy for the open claim to be over. Nil means: try again. Any other
// reason is final.
func (s *Sender) await(ctx context.Context, op string, why error, n int) error {
	switch why {
	case ErrFull:
		return s.awaitRing(ctx, op, s.roomPauses(n), func() bool { return s.ring.HasRoom(n) })
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
		return nil // usable has the news
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

// awaitRing waits until the ring is ready, the receiver has gone or this end is
// closed; nil means: look again.
func (s *Sender) awaitRing(ctx context.Context, op string, pauses uint32, ready func() bool) error {
	s.mu.Lock()
	if s.closed.Load() {
		s.mu.Unlock()
		return s.named(op, ErrClosed)
	}
	s.sleepers.Add(1)
	s.mu.Unlock()
	err := s.sleepUntil(ctx, op, pauses, ready)
	s.mu.Lock()
	if s.sleepers.Add(-1) == 0 {
		s.awake.Broadcast()
	}
	s.mu.Unlock()
	return err
}

// sleepUntil spins, and looks for the receiver's death at least at every heartbeat,
// then sleeps once on the senders' bell; bell.go in package shm tells why no wake-up
// is lost.
func (s *Sender) sleepUntil(ctx context.Context, op string, pauses uint32, ready func() bool) error {
	stop := func() bool { return s.closed.Load() || ctx.Err() != nil }
	head := s.ring.Head()
	moves := func() bool {
		before := head
		head = s.ring.Head()
		return head != before
	}
	var seq uint32
	for left := s.spin.limit(); ; {
		part := min(left, s.set.Heartbeat)
		left -= part
		if ctx.Err() == nil && s.spin.until(part, pauses, ready, stop, moves) {
			return nil
		}
		seq = s.bell.Seq() // before the looks below
		s.deaths.update(s.seg, func(yield func(int, shm.End) bool) { yield(ownReceiver, s.seg.ReceiverEnd()) }, s.wake)
		finished, err := s.seg.Finished()
		switch {
		case s.closed.Load():
			return nil // usable has the news
		case s.seg.Broken():
			return s.sound(op, nil)
		case err != nil:
			return s.fail(op, err)
		case finished:
			s.ring.Close()
			return s.named(op, ErrDisconnected)
		case ctx.Err() != nil: // even if ready: who finds it so may lose the room again, and again
			return s.fail(op, ctx.Err())
		}
		if left <= 0 {
			break
		}
	}
	s.bell.Announce()
	if ready() || s.closed.Load() {
		return nil
	}
	if err := s.sleep(ctx, seq); err != nil {
		return s.fail(op, err)
	}
	return nil
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
	received := func() bool { return int64(s.ring.Head()-end) >= 0 }
	for {
		err := s.flushed(end)
		if err != errAgain {
			return err
		}
		if err := s.awaitRing(ctx, "flush", 0, received); err != nil {
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

// tick beats, looks whether the receiver has gone, and wakes senders that sleep
// although head has moved: a receiver may have died before it woke them.
func (s *Sender) tick(now int64) {
	s.me.Beat(now)
	if finished, err := s.seg.Finished(); err == nil && finished {
		s.ring.Close()
		s.setDone()
	}
	s.lookAtFile()
	if head := s.ring.Head(); head != s.headSeen {
		s.headSeen = head
		// Not by the announcement: a receiver clears it before it wakes.
		if s.sleepers.Load() > 0 {
			s.poke()
		}
	}
}

// Close detaches the sender; its slot is free at once. An open claim is aborted,
// every blocked call of this Sender gives ErrClosed, and so does every later one.
// What was sent stays to be received. Idempotent.
func (s *Sender) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return nil
	}
	s.closed.Store(true)
	s.barred = ErrClosed
	if s.tx.Open() {
		s.tx.Abort()
		s.tx.Ring()
	}
	s.aborted = s.open
	s.claimOver()
	s.last = counts(s.name, s.seg)
	s.bell.Poke()
	for s.sleepers.Load() > 0 {
		s.awake.Wait() // without mu: Stats, and calls of a claim's holder, may come in between
	}
	s.quiet(s)
	s.setDone()
	err := s.seg.DetachSender(s.slot)
	if s.aborted != nil { // its holder may still write there
		s.lingers = linger(s, s.seg)
		return errors.Join(err, s.seg.CloseFile())
	}
	return errors.Join(err, s.seg.Close())
}
