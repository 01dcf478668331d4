package soak

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/shmchan/shmchan/internal/process"
	"github.com/shmchan/shmchan/ipc"
)

// sendRole runs the endpoints of one sending process until it is told to exit or
// their operations are done.
func sendRole(o orders, told context.Context) {
	var ends sync.WaitGroup
	family := &family{clones: o.Ends > 2}
	for i := range o.Ends {
		ends.Go(func() {
			s := sending{
				orders: o, told: told, end: i, family: family,
				rng: rand.New(rand.NewPCG(o.Seed, uint64(o.Incarnation)<<8|uint64(i))),
				log: open(o.Ledgers, senders, o.Incarnation, i),
			}
			s.run()
		})
	}
	ends.Wait()
}

// sending is one endpoint: one Sender after another, as long as it finds a channel.
type sending struct {
	orders
	told context.Context
	end  int
	rng  *rand.Rand
	log  *ledger

	family *family

	id   uint64 // of the present Sender
	next uint64 // number of its next message
	buf  []byte
}

// family is the Senders of one process. If there are many, most are clones, whose
// channel's creation time is already known: Stats asks the kernel about every
// endpoint.
type family struct {
	clones bool
	mu     sync.Mutex
	first  *ipc.Sender
	made   uint64 // when its channel was created
}

func (f *family) join(ctx context.Context, o *ipc.Options) (*ipc.Sender, uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.clones && f.first != nil {
		if tx, err := f.first.Clone(); err == nil {
			return tx, f.made, nil
		}
	}
	tx, err := ipc.NewSender(ctx, channel, o)
	if err != nil {
		return nil, 0, err
	}
	f.first, f.made = tx, life(tx.Stats())
	return tx, f.made, nil
}

func (s *sending) run() {
	for attach := 0; s.told.Err() == nil; attach++ {
		s.id = uint64(s.Incarnation)<<16 | uint64(s.end)<<12 | uint64(attach&0xfff)
		s.next = 0
		if !s.attach() {
			return
		}
	}
}

// attach joins the channel and sends. It reports whether to join again.
func (s *sending) attach() bool {
	ctx, cancel := context.WithTimeout(s.told, 300*time.Millisecond)
	defer cancel()
	options := s.Options
	options.Wait, options.Create = true, s.rng.IntN(8) == 0
	tx, made, err := s.family.join(ctx, &options)
	switch {
	case errors.Is(err, ipc.ErrNoSlot), errors.Is(err, fs.ErrNotExist), errors.Is(err, ipc.ErrBusy):
		return false // dead slots are not reaped yet, no receiver attached, or the channel is being replaced
	}
	must(err)
	s.log.write(record{what: attached, number: s.id, pid: uint32(os.Getpid()), position: made})
	s.buf = make([]byte, tx.MaxMessage())
	err = s.hello(tx)
	for err == nil && s.told.Err() == nil && s.Operations > 0 {
		s.Operations--
		err = s.operate(tx)
	}
	must(tx.Close())
	s.log.write(record{what: left})
	if errors.Is(err, ipc.ErrDisconnected) {
		if s.Options.Durable {
			panic("a durable channel gave ErrDisconnected")
		}
		return true
	}
	return false
}

// hello sends the first message, which is signed. So the short messages that follow
// in the same slot can be attributed to the sender.
func (s *sending) hello(tx *ipc.Sender) error {
	msg := s.message(signed + 8)
	return s.note(1, func() (int, error) { return one(tx.Send(s.told, msg)) })
}

// message fills in the next message and records that it is about to be sent.
func (s *sending) message(n int) []byte {
	msg := s.buf[:n]
	s.begin(n)
	fill(msg, s.id, s.next)
	return msg
}

func (s *sending) begin(n int) {
	s.log.add(record{what: begun, number: s.next, length: uint32(n)})
}

// note writes the buffered records, calls do, and records how many of those messages
// were sent. do may fail only if the wait or the channel ended.
func (s *sending) note(count int, send func() (int, error)) error {
	s.log.flush()
	first := s.next
	s.next += uint64(count)
	n, err := send()
	s.log.write(record{what: ended, number: first, length: uint32(n)})
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ipc.ErrFull) {
		return nil
	}
	if err != nil && !errors.Is(err, ipc.ErrDisconnected) {
		panic(err)
	}
	return err
}

func one(err error) (int, error) {
	if err != nil {
		return 0, err
	}
	return 1, nil
}

// operate sends by a randomly chosen call.
func (s *sending) operate(tx *ipc.Sender) error {
	ctx := s.told
	if s.rng.IntN(10) == 0 { // with a short deadline
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, time.Duration(s.rng.IntN(2000))*time.Microsecond)
		defer cancel()
	}
	switch n := s.rng.IntN(100); {
	case n < 40:
		msg := s.message(size(s.rng, tx.MaxMessage()))
		return s.note(1, func() (int, error) { return one(tx.Send(ctx, msg)) })
	case n < 60:
		msg := s.message(size(s.rng, tx.MaxMessage()))
		return s.note(1, func() (int, error) { return one(tx.TrySend(msg)) })
	case n < 78:
		return s.batch(ctx, tx)
	case n < 98:
		return s.claim(ctx, tx, n >= 92)
	case n < 99:
		return s.settle(ctx, tx)
	}
	time.Sleep(time.Duration(s.rng.IntN(3000)) * time.Microsecond)
	return nil
}

func (s *sending) batch(ctx context.Context, tx *ipc.Sender) error {
	msgs := make([][]byte, 1+s.rng.IntN(12))
	first, total := s.next, 0
	for i := range msgs {
		msgs[i] = make([]byte, size(s.rng, tx.MaxMessage()/4))
		s.next = first + uint64(i)
		fill(msgs[i], s.id, s.next)
		total += len(msgs[i]) + recordSize
	}
	for i, msg := range msgs {
		s.next = first + uint64(i)
		s.begin(len(msg))
		if total > tx.MaxMessage() {
			s.log.buf[len(s.log.buf)-recordSize+1] = inParts
		}
	}
	s.next = first
	return s.note(len(msgs), func() (int, error) { return tx.SendBatch(ctx, msgs) })
}

// claim fills in a message in place in the ring.
func (s *sending) claim(ctx context.Context, tx *ipc.Sender, abort bool) error {
	n, number := size(s.rng, tx.MaxMessage()), s.next
	s.begin(n)
	return s.note(1, func() (int, error) {
		c, err := tx.Claim(ctx, n)
		if err != nil {
			return 0, err
		}
		fill(c.Bytes(), s.id, number)
		if s.rng.IntN(4) == 0 { // so that the process may be killed then
			time.Sleep(time.Duration(s.rng.IntN(300)) * time.Microsecond)
		}
		if abort {
			return 0, c.Abort()
		}
		return one(c.Commit())
	})
}

// settle waits until every sent message is received.
func (s *sending) settle(ctx context.Context, tx *ipc.Sender) error {
	err := tx.Flush(ctx)
	if err == nil {
		s.log.write(record{what: flushed, number: s.next, clock: process.Monotonic()})
	}
	if errors.Is(err, ipc.ErrDisconnected) {
		return err
	}
	return nil
}

// life identifies one file of a name.
func life(s ipc.Stats) uint64 { return uint64(s.Created.UnixNano()) }
