package ipc

import "context"

// Claim is room in the ring for one message, to be filled in place, by one
// goroutine at a time. Between Claim and Commit or Abort the receiver gets nothing
// that was claimed later, by any sender, so be quick, and defer Abort against
// panics. A Claim serves one message: once it is over its methods return ErrClosed,
// however late they are called, and touch no other claim.
type Claim struct {
	sender *Sender
	buf    []byte
}

// claims are those that a Sender hands out next. A holder may call a Claim's methods
// for as long as it has the pointer, so each is handed out once and never used again:
// that a Claim is the open one (s.open == c) then proves that the caller is its only
// holder. They are made in blocks, so a Claim costs a fraction of an allocation. A
// block stays as long as a Claim in it is held.
type claims []Claim

// claimBlock is how many Claims one allocation makes.
const claimBlock = 64

// take returns a Claim that was never handed out.
func (p *claims) take() *Claim {
	if len(*p) == 0 {
		*p = make([]Claim, claimBlock)
	}
	c := &(*p)[0]
	*p = (*p)[1:]
	return c
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
		if err := s.awaitFirst(ctx, "claim", p, err, n); err != nil {
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
	c := s.claims.take()
	c.sender, c.buf = s, buf
	s.open = c
	s.bar()
	return c, nil
}

// Bytes returns the message's bytes in the ring, with whatever stood there
// before. They are valid until Commit, Abort or Close; writing to them later
// damages other messages. After Commit or Abort it returns nil.
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
		s.letGo(c)
		return s.named(op, ErrClosed)
	}
	if s.open != c {
		return s.named(op, ErrClosed)
	}
	c.buf = nil
	defer s.claimOver()
	gone := s.ring.Closed()
	if commit && !gone {
		s.tx.Commit()
	} else {
		s.tx.Abort()
	}
	s.tx.Notify()
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

// letGo unmaps what Close left mapped for the holder of c, who has learned now that
// the claim is over. Precondition: mu is held, the Sender is closed.
func (s *Sender) letGo(c *Claim) {
	if s.aborted != c {
		return
	}
	c.buf, s.aborted = nil, nil // nil before Close has come to the mapping: it need not linger
	if s.lingers != nil {
		s.lingers.drop(s)
		s.lingers = nil
	}
}
