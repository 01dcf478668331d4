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

// Sender is a sending endpoint of a channel. It is safe for concurrent use. The
// sends of one Sender run one at a time; for speed, give each goroutine its own
// Clone.
//
// A Sender is attached from NewSender until Close. If its process ends without
// Close, for whatever reason, the receiver notices.
//
// NewSender and Clone make Senders. A nil *Sender and the zero value are not usable.
type Sender struct {
	endpoint
	slot int

	mu       asymlock.Lock
	tx       shm.Producer
	waiter   shm.Waiter
	barred   error    // why no send may begin: closed, a claim is open, or goroutines are queued
	queue    []*place // goroutines waiting to send
	claims   claims
	open     *Claim        // the claim that is open
	aborted  *Claim        // the claim that Close aborted, until its holder learns of it
	lingers  *lingering    // the mapping after Close, for the holder of aborted
	resolved chan struct{} // closed when the open claim is over; made by the first goroutine that waits for it
	sleepers atomic.Int32  // goroutines that wait without mu and may touch the mapping; written with mu held
	awake    sync.Cond     // sleepers became 0
	closed   atomic.Bool   // written with mu held
	last     Stats         // as of Close

	room     roomWait        // the wait of the first goroutine in queue
	flushes  []uint64        // positions that Flush calls wait for; guarded by mu
	turnSeen shm.Turn        // at the last tick
	arrivals *heartbeat.Beat // ticks when a receiver attaches
	alive    attachedAt      // when the receiver was last found attached
	unlinked atomic.Bool     // the file had no name when it was last checked

	doneOnce sync.Once
	done     chan struct{}

	errFull, errTooLarge, errBusy error // made once: failing does not allocate
	errAbortClosed                error // for a deferred Abort
}

// NewSender attaches a sender to the channel called name. If there is none, it
// returns fs.ErrNotExist; Options.Create makes the channel instead, and Options.Wait
// waits for it until ctx is done, when the error is ctx's as well. It returns
// ErrNoSlot if every slot is taken, and ErrIncompatible or a *CorruptError if the
// file is not a channel. It checks ctx only while it waits or reserves the bytes of
// a new channel.
func NewSender(ctx context.Context, name string, o *Options) (*Sender, error) {
	return openSender(ctx, name, o, 0)
}

// openSender is NewSender for values whose fingerprint is element.
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

// Clone attaches another sender to the same channel, with a slot of its own. It
// returns ErrNoSlot if every slot is taken, and ErrClosed after Close.
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
		if s.ring.Closed() { // the closing process may hold the locks of all slots
			err = ErrDisconnected
		}
		return nil, s.fail("clone", err)
	}
	return newSender(s.name, s.opts, seg, slot), nil
}

// Send puts a copy of msg into the channel. While there is no room, or another
// goroutine has a claim open, it blocks until ctx is done; it checks ctx only before
// it waits. It returns ErrDisconnected if the receiver has gone for good, in which
// case msg is not sent, ErrTooLarge if msg is larger than MaxMessage, and ErrClosed
// after Close. A message that was sent can still be lost with the receiver; Flush
// waits until it is received.
func (s *Sender) Send(ctx context.Context, msg []byte) error {
	if err := s.try(msg, nil); err != nil {
		return s.sendLater(ctx, msg, err)
	}
	return nil
}

// sendLater continues a Send that failed with err at the first try.
func (s *Sender) sendLater(ctx context.Context, msg []byte, err error) error {
	if !waitable(err) {
		return s.named("send", err)
	}
	p, err := s.enqueue(ctx, "send")
	if err != nil {
		return err
	}
	defer s.dequeue(p)
	for {
		err := s.try(msg, p)
		if err == nil || !waitable(err) {
			return s.named("send", err)
		}
		if err := s.awaitFirst(ctx, "send", p, err, len(msg)); err != nil {
			return err
		}
	}
}

// TrySend is Send without waiting. It returns ErrFull if there is no room, or if the
// room is reserved for senders that wait, and ErrBusy while a claim is open.
func (s *Sender) TrySend(msg []byte) error { return s.named("send", s.try(msg, nil)) }

// try sends without waiting. p is the caller's place in the queue, or nil.
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

// leave ends a send. If a claim is open that the user did not make, a panic left it
// (the message lay in memory that faults). leave aborts it, or the ring would stand
// still. Precondition: mu is held.
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

// orBrokenUnnamed is orBroken without the operation and the channel.
func (s *Sender) orBrokenUnnamed(err error) error {
	if s.guard.Broken() {
		return s.seg.BrokenError()
	}
	return err
}

// named adds the operation and the channel to an error of the ring.
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
	case ErrFull, errQueued: // another goroutine of this Sender waits for room
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

// SendBatch sends msgs in order and returns how many it sent, always the first n.
// Each part of the batch takes one claim and one wake-up, holds as many messages as
// fit, and is received whole or not at all. SendBatch waits as Send does. If the
// length of a message changes meanwhile, it panics, and sends nothing of that part.
func (s *Sender) SendBatch(ctx context.Context, msgs [][]byte) (n int, err error) {
	if len(msgs) == 0 {
		if _, err := s.tryBatch(nil, nil); !waitable(err) {
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

// batchLater sends one part of a batch after the first try failed with err.
func (s *Sender) batchLater(ctx context.Context, msgs [][]byte, err error) (int, error) {
	if !waitable(err) {
		return 0, s.named("send", err)
	}
	p, err := s.enqueue(ctx, "send")
	if err != nil {
		return 0, err
	}
	defer s.dequeue(p)
	for {
		n, err := s.tryBatch(msgs, p)
		if err == nil || !waitable(err) {
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
	if err := s.orBrokenUnnamed(err); err != nil {
		return 0, err
	}
	return n, nil
}

// MaxMessage returns the size in bytes of the largest message: half the channel's
// capacity.
func (s *Sender) MaxMessage() int { return s.ring.MaxMessage() }

// Done returns a channel that is closed as soon as a blocked Send would learn that
// the receiver has gone for good, and by Close.
func (s *Sender) Done() <-chan struct{} { return s.done }

func (s *Sender) setDone() { s.doneOnce.Do(func() { close(s.done) }) }

// Close detaches the sender, frees its slot and aborts an open claim. Blocked and
// later calls of this Sender return ErrClosed. Messages already sent can still be
// received. Close is idempotent.
func (s *Sender) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return nil
	}
	s.closed.Store(true)
	s.bar()
	for _, p := range s.queue[min(1, len(s.queue)):] { // the first sleeps on the ring
		p.signal()
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
		s.awake.Wait() // without mu: Stats, and calls of a claim's holder, may run meanwhile
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
