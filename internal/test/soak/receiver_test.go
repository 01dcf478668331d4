package soak

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/shmchan/shmchan/internal/process"
	"github.com/shmchan/shmchan/ipc"
)

// receiveRole receives until it is told to exit, until every sender has closed, or,
// if its orders are to drain, until nothing is left.
func receiveRole(o orders, told context.Context) {
	r := receiving{
		orders: o, told: told,
		rng: rand.New(rand.NewPCG(o.Seed, uint64(o.Incarnation))),
		log: open(o.Ledgers, receivers, o.Incarnation, 0),
	}
	rx, err := ipc.NewReceiver(told, channel, &r.Options)
	for errors.Is(err, ipc.ErrBusy) && told.Err() == nil { // a process that removes the previous channel was stopped
		time.Sleep(time.Millisecond)
		rx, err = ipc.NewReceiver(told, channel, &r.Options)
	}
	if errors.Is(err, ipc.ErrBusy) {
		return
	}
	must(err)
	r.rx = rx
	r.log.write(record{what: opened, position: life(rx.Stats())})
	for told.Err() == nil && !r.Drain && err == nil {
		err = r.receive()
		if r.Slow > 0 {
			time.Sleep(time.Duration(r.rng.Int64N(int64(r.Slow))))
		}
	}
	if r.Drain || drainTold.Load() && !errors.Is(err, ipc.ErrDisconnected) {
		err = r.drain()
	}
	switch {
	case errors.Is(err, ipc.ErrDisconnected), errors.Is(err, ipc.ErrEmpty), errors.Is(err, context.Canceled), err == nil:
	default:
		panic(err)
	}
	skipped := rx.Stats().Skipped
	must(rx.Close())
	r.log.write(record{what: closed, number: skipped})
}

// receiving is one receiver. If it may be killed, it uses only calls that deliver
// messages before releasing them, so its ledger has every message that the channel
// considers received. Otherwise it uses all calls.
type receiving struct {
	orders
	told context.Context
	rng  *rand.Rand
	log  *ledger
	rx   *ipc.Receiver
	buf  []byte
}

// receive takes some messages by a randomly chosen call.
func (r *receiving) receive() error {
	start := process.Monotonic()
	err := r.one(r.rng.IntN(100))
	if errors.Is(err, ipc.ErrDisconnected) {
		r.log.write(record{what: disconnected, clock: start})
	}
	return err
}

func (r *receiving) one(way int) error {
	if r.Killable {
		way /= 2
	}
	switch {
	case way < 25:
		return r.consume()
	case way < 50:
		return r.next()
	case way < 70:
		msg, err := r.rx.Recv(r.told)
		return r.got(msg, err)
	case way < 80:
		msg, err := r.rx.RecvAppend(r.told, r.buf[:0])
		r.buf = msg
		return r.got(msg, err)
	case way < 90:
		left := r.rng.IntN(20)
		for msg, err := range r.rx.All(r.told) {
			if err := r.got(msg, err); err != nil || left == 0 {
				return err
			}
			left--
		}
		_, err := r.rx.TryRecv() // disconnected: every later call returns that again
		return err
	}
	msg, err := r.rx.TryRecv()
	if errors.Is(err, ipc.ErrEmpty) {
		time.Sleep(time.Duration(r.rng.IntN(200)) * time.Microsecond)
		return nil
	}
	return r.got(msg, err)
}

// got records a message that is already released.
func (r *receiving) got(msg []byte, err error) error {
	if err == nil {
		r.note(msg)
		r.log.write(record{what: released})
	}
	return err
}

func (r *receiving) note(msg []byte) {
	meta := r.rx.Meta()
	n := record{
		what: received, length: uint32(len(msg)), position: meta.Position, index: uint32(meta.Index),
		slot: uint64(meta.Slot), pid: uint32(meta.PID),
	}
	copy(n.head[:], msg)
	if len(msg) >= signed && !intact(msg) {
		n.what = torn
	}
	r.log.add(n)
}

var errEnough = errors.New("enough")

// consume takes messages in place. Each is released after its function has returned.
func (r *receiving) consume() error {
	fail := r.rng.IntN(10) == 0
	taken := 0
	_, err := r.rx.Consume(r.told, r.rng.IntN(30), func(msg []byte) error {
		if taken > 0 {
			r.log.add(record{what: released})
		}
		if fail && taken == 3 {
			return errEnough // this one is not taken and is delivered again
		}
		r.note(msg)
		r.log.flush()
		r.hold()
		taken++
		return nil
	})
	if taken > 0 {
		r.log.add(record{what: released})
	}
	r.log.flush()
	if err == errEnough {
		return nil
	}
	return err
}

// next takes messages in place and releases them together.
func (r *receiving) next() error {
	msg, err := r.rx.Next(r.told)
	if err != nil {
		return err
	}
	if r.rng.IntN(20) == 0 { // again from the first
		must(r.rx.Rewind())
		if msg, err = r.rx.TryNext(); err != nil {
			panic(err)
		}
	}
	r.note(msg)
	for range r.rng.IntN(20) {
		if msg, err = r.rx.TryNext(); err != nil {
			break
		}
		r.note(msg)
	}
	r.log.flush() // before the messages are released
	r.hold()
	must(r.rx.Release())
	r.log.write(record{what: released})
	if errors.Is(err, ipc.ErrEmpty) {
		return nil
	}
	return err
}

// hold sometimes waits before unreleased messages are released, so that the process
// may be killed then.
func (r *receiving) hold() {
	if r.rng.IntN(50) == 0 {
		time.Sleep(time.Duration(r.rng.IntN(1000)) * time.Microsecond)
	}
}

// drain takes the remaining messages. All senders have ended, so nothing arrives
// later.
func (r *receiving) drain() error {
	for {
		msg, err := r.rx.TryRecv()
		if errors.Is(err, ipc.ErrEmpty) || errors.Is(err, ipc.ErrDisconnected) {
			r.log.write(record{what: drained})
			return nil
		}
		if err := r.got(msg, err); err != nil {
			return err
		}
	}
}
