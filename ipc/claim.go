package ipc

import "context"

// Claim is room in the ring for one message. Only one goroutine at a time may fill
// it, in place. Until Commit or Abort the receiver gets nothing that any sender
// claimed later, so be quick, and defer Abort in case of a panic. A Claim serves one
// message: once it is over, by Commit, Abort or Close, its methods return ErrClosed,
// however late they are called, and never affect another claim.
//
// Sender.Claim makes Claims. A nil *Claim and the zero value are not usable.
type Claim struct {
	sender *Sender
	buf    []byte
}

// claims are the Claims that a Sender hands out next. A holder may call a Claim's
// methods for as long as it has the pointer, so each Claim is handed out once and
// never reused: if a Claim is the open one (s.open == c), its caller is therefore
// its only holder. Claims are allocated in blocks, so each costs a fraction of an
// allocation. A block stays in memory as long as any of its Claims is held.
type claims []Claim

// claimBlock is the number of Claims in one allocation.
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

// Claim reserves room for a message of n bytes, waiting as Send does. Other sends of
// this Sender wait until the claim is committed or aborted.
func (s *Sender) Claim(ctx context.Context, n int) (*Claim, error) {
	if n < 0 {
		return nil, s.fail("claim", invalid("size %d: want 0 to %d bytes", n, s.ring.MaxMessage()))
	}
	c, err := s.tryClaim(n, nil)
	if err == nil {
		return c, nil
	}
	if !waitable(err) {
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
		if !waitable(err) {
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
	if err = s.orBrokenUnnamed(err); err != nil {
		return nil, err
	}
	c := s.claims.take()
	c.sender, c.buf = s, buf
	s.open = c
	s.bar()
	return c, nil
}

// Bytes returns the message's bytes in the ring; initially they hold arbitrary data.
// The slice is valid until Commit, Abort or Close; writing to it later damages other
// messages. After Commit or Abort, Bytes returns nil.
func (c *Claim) Bytes() []byte { return c.buf }

// Commit sends the message. It returns ErrDisconnected if the receiver has gone for
// good, and ErrClosed if the claim is already over. The claim is over in any case.
func (c *Claim) Commit() error { return c.end("commit", true) }

// Abort cancels the claim: no message is sent. It returns ErrClosed if the claim is
// already over, so it can be deferred.
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
	return s.orBroken(op, nil)
}

// claimOver lets the calls proceed that waited for the claim. It leaves the Claim's
// buf alone: the holder may be reading it. Precondition: mu is held.
func (s *Sender) claimOver() {
	s.open = nil
	s.bar()
	if s.resolved != nil {
		close(s.resolved)
		s.resolved = nil
	}
}

// letGo unmaps what Close left mapped for the holder of c, who has now learned that
// the claim is over. Preconditions: mu is held, and the Sender is closed.
func (s *Sender) letGo(c *Claim) {
	if s.aborted != c {
		return
	}
	c.buf, s.aborted = nil, nil // if Close has not reached the mapping yet, it need not linger
	if s.lingers != nil {
		s.lingers.drop(s)
		s.lingers = nil
	}
}
