package ipc

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// A Sender's goroutines that can't send at once form a queue. The first of them waits
// for the ring, in the Sender's slot, or for the open claim to be over; the others
// wait for their turn to be first. While there is a queue no other send begins, so a
// goroutine is passed by none that came later.

// errQueued bars sends while goroutines of the same Sender wait.
var errQueued = errors.New("goroutines of this Sender wait")

// place is a goroutine's in the queue.
type place struct {
	first chan struct{} // gets one value when it is the first
	from  uint64        // tail when it came
}

// tell gives the value, unless Close has given it already. Precondition: the Sender's mu
// is held.
func (p *place) tell() {
	select {
	case p.first <- struct{}{}:
	default:
	}
}

var places = sync.Pool{New: func() any { return &place{first: make(chan struct{}, 1)} }}

// bar says why no send may begin, in the order in which it counts. Precondition: mu
// is held.
func (s *Sender) bar() {
	switch {
	case s.closed.Load():
		s.barred = ErrClosed
	case s.open != nil:
		s.barred = ErrBusy
	case len(s.queue) > 0:
		s.barred = errQueued
	default:
		s.barred = nil
	}
}

// enqueue takes a place in the queue and waits until it is the first, or ctx is done.
func (s *Sender) enqueue(ctx context.Context, op string) (*place, error) {
	s.mu.Lock()
	if s.closed.Load() {
		s.mu.Unlock()
		return nil, s.named(op, ErrClosed)
	}
	p := places.Get().(*place)
	p.from = s.ring.Tail()
	s.queue = append(s.queue, p)
	first := s.queue[0] == p
	s.bar()
	s.mu.Unlock()
	if first {
		return p, nil
	}
	if ctx.Err() == nil {
		select {
		case <-p.first:
			return p, nil
		case <-ctx.Done():
		}
	}
	s.dequeue(p)
	return nil, s.fail(op, ctx.Err())
}

// dequeue gives the place up, and with the first one the Sender's place among the
// senders. The next goroutine is first.
func (s *Sender) dequeue(p *place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.queue, p)
	s.queue = slices.Delete(s.queue, i, i+1)
	if i == 0 {
		if !s.closed.Load() {
			s.tx.Leave()
		}
		if len(s.queue) > 0 {
			s.queue[0].tell()
		}
	}
	s.bar()
	select {
	case <-p.first: // it gave up just as it became the first
	default:
	}
	places.Put(p)
}

// mayTry returns why a try may not begin. The first in the queue may.
// Precondition: mu is held.
func (s *Sender) mayTry(p *place) error {
	switch {
	case s.barred != nil && (p == nil || s.barred != errQueued):
		return s.barred
	case s.tx.Closed():
		return ErrDisconnected
	}
	return nil
}

// passing reports whether a goroutine may wait for what has kept it from sending to
// pass.
func passing(err error) bool { return err == ErrFull || err == ErrBusy || err == errQueued }
