package ipc

import (
	"context"
	"runtime"

	"github.com/shmchan/shmchan/shm"
)

// Claim is room in the ring for one message, to be filled in place, by one
// goroutine at a time. Between Claim and Commit or Abort the receiver gets nothing
// that was claimed later, by any sender, so be quick, and defer Abort against
// panics. Claims that are over are used again: don't keep one.
type Claim struct {
	sender *Sender
	buf    []byte
	over   bool         // it was committed or aborted
	back   bool         // its holder has tried to end it once more: it is handed in
	told   bool         // the holder knows that the Sender was closed
	unmap  func() error // what Close left to do
}

// claims are those that a Sender uses again. A holder that defers Abort calls that
// when the claim is over, perhaps long after Commit, and it must not end the claim
// of somebody else. So once a Sender has seen such a call, a Claim is used again only
// when it has come back by one; before, and for those who never make one, a few are
// handed out in turn.
type claims struct {
	turns    [8]Claim
	turn     int
	deferred bool     // a holder was seen to defer Abort
	spare    []*Claim // that came back
}

// take returns a Claim that nobody holds.
func (p *claims) take(s *Sender) (c *Claim) {
	switch n := len(p.spare); {
	case n > 0:
		c, p.spare = p.spare[n-1], p.spare[:n-1]
	case p.deferred:
		c = new(Claim)
	default:
		c = &p.turns[p.turn]
		p.turn = (p.turn + 1) % len(p.turns)
	}
	*c = Claim{sender: s}
	return c
}

// mostSpare is how many Claims that came back are kept.
const mostSpare = 64

// handIn takes a Claim whose holder has tried to end it again.
func (p *claims) handIn(c *Claim) {
	p.deferred = true
	if c.over && !c.back && len(p.spare) < mostSpare {
		c.back = true
		p.spare = append(p.spare, c)
	}
}

// Claim reserves room for a message of n bytes, waiting as Send does. While it is
// open other sends of this Sender wait.
func (s *Sender) Claim(ctx context.Context, n int) (*Claim, error) {
	if n < 0 {
		return nil, s.fail("claim", invalid("%d bytes: from 0 to %d", n, s.ring.MaxMessage()))
	}
	c, err := s.tryClaim(n, nil)
	if err == nil {
		return c, nil
	}
	if !passing(err) {
		return nil, s.named("claim", err)
	}
	p, err := s.enqueue(ctx, "claim")
	if err != nil {
		return nil, err
	}
	defer s.dequeue(p)
	for {
		c, err := s.tryClaim(n, p)
		if err == nil {
			return c, nil
		}
		if !passing(err) {
			return nil, s.named("claim", err)
		}
		if err := s.awaitFirst(ctx, "claim", err, n); err != nil {
			return nil, err
		}
	}
}

// tryClaim is Claim without waiting.
func (s *Sender) tryClaim(n int, p *place) (*Claim, error) {
	s.mu.Lock()
	defer s.leave()
	if err := s.mayTry(p); err != nil {
		return nil, err
	}
	buf, err := s.tx.Claim(n)
	if err = s.unbroken(err); err != nil {
		return nil, err
	}
	s.open = s.claims.take(s)
	s.open.buf = buf
	s.bar()
	return s.open, nil
}

// Bytes returns the message's bytes in the ring, with whatever stood there
// before. They are valid until Commit, Abort or Close; writing to them later
// damages other messages.
func (c *Claim) Bytes() []byte { return c.buf }

// Commit sends the message. ErrDisconnected if the receiver has gone for good,
// ErrClosed if the claim is over already. The claim is over in any case.
func (c *Claim) Commit() error { return c.end("commit", true) }

// Abort gives the claim up: nothing is received. ErrClosed if it is over already,
// so it can be deferred.
func (c *Claim) Abort() error { return c.end("abort", false) }

func (c *Claim) end(op string, commit bool) error {
	s := c.sender
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		c.buf, c.told = nil, true
		if c.unmap != nil {
			_ = c.unmap() // Close has reported what could fail; the memory is not used any more
			c.unmap = nil
		}
		return s.named(op, ErrClosed)
	}
	if s.open != c {
		s.claims.handIn(c)
		return s.named(op, ErrClosed)
	}
	c.buf, c.over = nil, true
	defer s.claimOver()
	gone := s.ring.Closed()
	if commit && !gone {
		s.tx.Commit()
	} else {
		s.tx.Abort()
	}
	s.tx.Ring()
	if commit && gone {
		return s.named(op, ErrDisconnected)
	}
	return s.sound(op, nil)
}

// claimOver lets those go on that waited for the claim. Its buf is its holder's to
// forget, who may be reading it. Precondition: mu is held.
func (s *Sender) claimOver() {
	s.open = nil
	s.bar()
	if s.resolved != nil {
		close(s.resolved)
		s.resolved = nil
	}
}

// linger keeps the mapping for a holder who does not know yet that the claim is
// over: until it calls Commit or Abort, or forgets the claim.
func (c *Claim) linger(seg *shm.Segment) {
	forgotten := runtime.AddCleanup(c.sender, func(seg *shm.Segment) { _ = seg.Close() }, seg)
	c.unmap = func() error {
		forgotten.Stop()
		return seg.Close()
	}
}
