package ipc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/shmchan/shmchan/internal/asymlock"
	"github.com/shmchan/shmchan/internal/heartbeat"
	"github.com/shmchan/shmchan/shm"
)

// Sender is one sending end of a channel. It is safe for concurrent use by
// goroutines; sends of one Sender take turns, so for speed give each goroutine a
// Clone.
//
// The end is attached from NewSender until Close; a process that ends without
// Close, however it ends, is noticed by the receiver.
type Sender struct {
	endpoint
	slot int

	mu       asymlock.Lock
	tx       shm.Producer
	waiter   shm.Waiter
	barred   error    // why no send may begin: closed, a claim is open, or goroutines wait
	queue    []*place // goroutines that wait to send
	claims   claims
	open     *Claim        // the claim that is open
	aborted  *Claim        // the one that Close aborted, until its holder learns of it
	lingers  *lingering    // the mapping, for that holder
	resolved chan struct{} // closed when the open claim is over; made by whoever waits for that
	sleepers atomic.Int32  // goroutines that wait without mu and may touch the mapping; written with mu held
	awake    sync.Cond     // sleepers became 0
	closed   atomic.Bool   // written with mu held
	last     Stats         // as of Close

	room     roomWait        // of the first in queue
	flushes  []uint64        // positions that goroutines wait for; guarded by mu
	turnSeen shm.Turn        // at the last tick
	arrivals *heartbeat.Beat // ticks when a receiver attaches
	alive    attachedAt      // the receiver
	unlinked atomic.Bool     // the file had no name at the last look

	doneOnce sync.Once
	done     chan struct{}

	errFull, errTooLarge, errBusy error // made once: failing costs no allocation
	errAbortClosed                error // of an Abort that was deferred
}

// NewSender attaches a sender to the channel of that name. It gives
// fs.ErrNotExist if there is none (Options.Create makes it, Options.Wait waits
// for it until ctx is done, which is then the error too), ErrNoSlot if every slot
// is taken, ErrIncompatible or a *CorruptError if the file is no channel. ctx is
// looked at only while waiting, and if reserving the bytes of a new channel takes
// long.
func NewSender(ctx context.Context, name string, o *Options) (*Sender, error) {
	return openSender(ctx, name, o, 0)
}

// openSender is NewSender for values with the fingerprint element.
func openSender(ctx context.Context, name string, o *Options, element uint64) (*Sender, error) {
	opts, err := o.check()
	opts.element = element
	if err != nil {
		return nil, fmt.Errorf("send %s: %w", name, err)
	}
	place, err := opts.place(name, opts.Create || opts.Wait)
	if err != nil {
		return nil, fmt.Errorf("send %s: %w", name, err)
	}
	seg, slot, err := opts.openSender(ctx, place)
	if err != nil {
		return nil, fmt.Errorf("send %s: %w", name, err)
	}
	return newSender(name, opts, seg, slot), nil
}

func newSender(name string, opts opener, seg *shm.Segment, slot int) *Sender {
	s := &Sender{slot: slot, tx: *seg.Ring().NewProducer(slot, registered()), done: make(chan struct{})}
	s.init("send", name, opts, seg, seg.SenderEndpoint(slot))
	s.waiter = seg.Ring().Waiter(slot)
	s.room.s = s
	s.rouse = s.waiter.Rouse
	if !reaches() {
		s.waiter.MustFence()
	}
	s.mu.Init()
	s.awake.L = &s.mu
	s.errFull, s.errTooLarge, s.errBusy = s.fail("send", ErrFull), s.fail("send", ErrTooLarge), s.fail("send", ErrBusy)
	s.errAbortClosed = s.fail("abort", ErrClosed)
	s.begin()
	return s
}

// Clone attaches one more sender to the same channel, with a slot of its own. It
// gives ErrNoSlot if there is none, ErrClosed after Close.
func (s *Sender) Clone() (*Sender, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return nil, s.named("clone", ErrClosed)
	}
	seg, err := s.seg.Clone()
	if err != nil {
		return nil, s.fail("clone", err)
	}
	slot, err := seg.AttachSender(s.opts.owner(), s.opts.Heartbeat)
	if err != nil {
		_ = seg.Close()
		if s.ring.Closed() { // whoever closed it has the slots
			err = ErrDisconnected
		}
		return nil, s.fail("clone", err)
	}
	return newSender(s.name, s.opts, seg, slot), nil
}

// Send puts a copy of msg into the channel. It blocks while there is no room, or
// another goroutine has a claim open, until ctx is done, which is looked at only
// before a wait. It gives ErrDisconnected once the receiver has gone for good
// (the caller still has the message), ErrTooLarge beyond half the capacity, and
// ErrClosed after Close. A message that was sent may still be lost with the
// receiver, as with any channel; Flush waits until it is received.
func (s *Sender) Send(ctx context.Context, msg []byte) error {
	if err := s.try(msg, nil); err != nil {
		return s.sendLater(ctx, msg, err)
	}
	return nil
}

// sendLater is Send when it was not possible at once.
func (s *Sender) sendLater(ctx context.Context, msg []byte, err error) error {
	if !passing(err) {
		return s.named("send", err)
	}
	p, err := s.enqueue(ctx, "send")
	if err != nil {
		return err
	}
	defer s.dequeue(p)
	for {
		err := s.try(msg, p)
		if err == nil || !passing(err) {
			return s.named("send", err)
		}
		if err := s.awaitFirst(ctx, "send", p, err, len(msg)); err != nil {
			return err
		}
	}
}

// TrySend is Send without waiting: ErrFull if there is no room now, or what room there
// is is left to senders that wait; ErrBusy while a claim is open.
func (s *Sender) TrySend(msg []byte) error { return s.named("send", s.try(msg, nil)) }

// try sends without waiting. p is the caller's place in the queue, if it has one.
func (s *Sender) try(msg []byte, p *place) error {
	s.mu.Lock()
	defer s.leave()
	if s.barred != nil || s.tx.Closed() {
		if err := s.mayTry(p); err != nil {
			return err
		}
	}
	err := s.tx.Put(msg)
	if err == nil {
		s.tx.Notify()
	}
	if s.guard.Broken() {
		return s.seg.BrokenError()
	}
	return err
}

// leave ends a send. A claim that is open then, and not a user's, was left by a
// panic: the message lay in memory that faults. It must not stay, or the ring
// stands still. Precondition: mu is held.
func (s *Sender) leave() {
	if s.tx.Open() && s.open == nil && !s.closed.Load() {
		s.abandon()
	}
	s.mu.Unlock()
}

func (s *Sender) abandon() {
	s.tx.Abort()
	s.tx.Notify()
}

// unbroken is what became of an access to the ring: see shm.Segment.Broken.
func (s *Sender) unbroken(err error) error {
	if s.guard.Broken() {
		return s.seg.BrokenError()
	}
	return err
}

// named gives an error of the ring its operation and channel.
func (s *Sender) named(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case op == "abort" && err == ErrClosed:
		return s.errAbortClosed
	case op != "send":
		return s.fail(op, err)
	}
	switch err {
	case ErrFull, errQueued: // for what a goroutine of this Sender waits for room
		return s.errFull
	case ErrBusy:
		return s.errBusy
	case ErrTooLarge:
		return s.errTooLarge
	case ErrClosed:
		return s.errClosed
	case ErrDisconnected:
		return s.errDisconnected
	}
	return s.fail("send", err)
}

// SendBatch sends the messages in order, as many as fit in one claim and one wake
// at a time, and returns how many it sent: the first n. It waits as Send does.
// Each part of a batch is received whole or not at all. It panics, and sends nothing of
// that part, if a message changes its length meanwhile.
func (s *Sender) SendBatch(ctx context.Context, msgs [][]byte) (n int, err error) {
	if len(msgs) == 0 {
		if _, err := s.tryBatch(nil, nil); !passing(err) {
			return 0, s.named("send", err)
		}
	}
	for n < len(msgs) {
		sent, err := s.tryBatch(msgs[n:], nil)
		n += sent
		if err == nil {
			continue
		}
		sent, err = s.batchLater(ctx, msgs[n:], err)
		n += sent
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// batchLater sends one part of a batch when that was not possible at once.
func (s *Sender) batchLater(ctx context.Context, msgs [][]byte, err error) (int, error) {
	if !passing(err) {
		return 0, s.named("send", err)
	}
	p, err := s.enqueue(ctx, "send")
	if err != nil {
		return 0, err
	}
	defer s.dequeue(p)
	for {
		n, err := s.tryBatch(msgs, p)
		if err == nil || !passing(err) {
			return n, s.named("send", err)
		}
		if err := s.awaitFirst(ctx, "send", p, err, s.ring.BatchSize(msgs)); err != nil {
			return 0, err
		}
	}
}

func (s *Sender) tryBatch(msgs [][]byte, p *place) (int, error) {
	s.mu.Lock()
	defer s.leave()
	if err := s.mayTry(p); err != nil {
		return 0, err
	}
	n, err := s.tx.PutBatch(msgs)
	if n > 0 {
		s.tx.Notify()
	}
	if err := s.unbroken(err); err != nil {
		return 0, err
	}
	return n, nil
}

// MaxMessage returns the largest message in bytes: half the channel's capacity.
func (s *Sender) MaxMessage() int { return s.ring.MaxMessage() }

// Done returns a channel that is closed when the receiver has gone for good, as soon
// as a blocked Send would learn of it, and at Close.
func (s *Sender) Done() <-chan struct{} { return s.done }

func (s *Sender) setDone() { s.doneOnce.Do(func() { close(s.done) }) }

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
	s.bar()
	for _, p := range s.queue[min(1, len(s.queue)):] { // the first sleeps on the ring
		p.tell()
	}
	if s.tx.Open() {
		s.tx.Abort()
		s.tx.Notify()
	}
	s.aborted = s.open
	s.claimOver()
	s.last = counts(s.name, s.seg)
	s.wakeAll()
	for s.sleepers.Load() > 0 {
		s.awake.Wait() // without mu: Stats, and calls of a claim's holder, may come in between
	}
	s.arrivals.Remove()
	s.quiet()
	s.setDone()
	err := s.seg.DetachSender(s.slot)
	if s.aborted != nil { // its holder may still write there
		s.lingers = linger(s, s.seg)
		return errors.Join(err, s.seg.CloseFile())
	}
	return errors.Join(err, s.seg.Close())
}
