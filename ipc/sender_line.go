package ipc

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// Goroutines of a Sender that can't send at once form a queue. The first one waits
// for the ring, in the Sender's slot, or for the open claim to be over; the others
// wait to become first. No other send begins while there is a queue, so no goroutine
// is passed by a later one.

// errQueued is why a send must not begin while goroutines of the same Sender wait.
var errQueued = errors.New("other goroutines of this Sender wait")

// place is a goroutine's place in the queue.
type place struct {
	first chan struct{} // receives one value when the goroutine becomes first
	from  uint64        // tail when the goroutine joined the queue
}

// signal sends the value, unless Close has already sent it. Precondition: the
// Sender's mu is held.
func (p *place) signal() {
	select {
	case p.first <- struct{}{}:
	default:
	}
}

var places = sync.Pool{New: func() any { return &place{first: make(chan struct{}, 1)} }}

// bar sets the reason why no send may begin; the first case that applies counts.
// Precondition: mu is held.
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

// enqueue takes a place in the queue and waits until it is first, or ctx is done.
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

// dequeue gives up the place. If it was the first, it also gives up the Sender's
// place in line, and the next goroutine becomes first.
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
			s.queue[0].signal()
		}
	}
	s.bar()
	select {
	case <-p.first: // it gave up just as it became first
	default:
	}
	places.Put(p)
}

// mayTry returns the reason why a send may not begin, or nil. The first in the queue
// may begin. Precondition: mu is held.
func (s *Sender) mayTry(p *place) error {
	switch {
	case s.barred != nil && (p == nil || s.barred != errQueued):
		return s.barred
	case s.tx.Closed():
		return ErrDisconnected
	}
	return nil
}

// waitable reports whether err is a condition that a goroutine may wait out.
func waitable(err error) bool { return err == ErrFull || err == ErrBusy || err == errQueued }
