package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/shmchan/shmchan/ipc"
)

// attachReceiver is a channel that senders join and leave; the one that measures
// that sends it the figures.
type attachReceiver struct{ r *ipc.Receiver }

type attachSender struct {
	a *actor
	s step
}

func openAttach(a *actor, s step) (end, error) {
	if s.Side != receiving {
		return &attachSender{a, s}, nil
	}
	o := a.options(s.Spec)
	o.KeepOpen = true
	r, err := ipc.NewReceiver(context.Background(), ways[0], o)
	return &attachReceiver{r}, err
}

func (e *attachReceiver) run(step) (reply, error) {
	msg, err := e.r.Recv(context.Background())
	if err != nil || len(msg) != 16 {
		return reply{}, errors.Join(err, errors.New("no figures came"))
	}
	le := binary.LittleEndian
	return reply{Count: le.Uint64(msg), Took: time.Duration(le.Uint64(msg[8:]))}, nil
}

func (e *attachReceiver) close() error { return e.r.Close() }

func (e *attachSender) run(s step) (reply, error) {
	m := newMeter(s.Warm, s.For)
	for more := true; more; more = !m.add(1) {
		sender, err := ipc.NewSender(context.Background(), ways[0], &ipc.Options{Dir: e.a.dir})
		if err != nil {
			return reply{}, err
		}
		if err := sender.Close(); err != nil {
			return reply{}, err
		}
	}
	r, le := m.reply(), binary.LittleEndian
	sender, err := e.a.attach(ways[0], e.s.Spec)
	if err != nil {
		return reply{}, err
	}
	figures := le.AppendUint64(le.AppendUint64(nil, r.Count), uint64(r.Took))
	return reply{}, errors.Join(sender.Send(context.Background(), figures), sender.Close())
}

func (e *attachSender) close() error { return nil }

// idleReceiver and idleSender are a blocked pair: one waits for a message of a
// channel that is empty, the other for room in one that is full.
type idleReceiver struct{ empty, full *ipc.Receiver }

type idleSender struct {
	empty, full *ipc.Sender
	msg         []byte
}

// idleTime is the least time that tells anything: many heartbeats. Before it, what has
// just been busy comes to rest.
const (
	idleTime = 2 * time.Second
	idleRest = 500 * time.Millisecond
)

func openIdle(a *actor, s step) (_ end, err error) {
	if s.Side == receiving {
		e := &idleReceiver{}
		if e.empty, err = ipc.NewReceiver(context.Background(), ways[0], a.options(s.Spec)); err != nil {
			return nil, err
		}
		e.full, err = ipc.NewReceiver(context.Background(), ways[1], a.options(s.Spec))
		return e, err
	}
	e := &idleSender{msg: make([]byte, s.Spec.Size)}
	if e.empty, err = a.attach(ways[0], s.Spec); err != nil {
		return nil, err
	}
	if e.full, err = a.attach(ways[1], s.Spec); err != nil {
		return nil, err
	}
	for err == nil {
		err = e.full.TrySend(e.msg)
	}
	if errors.Is(err, ipc.ErrFull) {
		err = nil
	}
	return e, err
}

func (e *idleReceiver) run(s step) (reply, error) {
	return idle(s, func(ctx context.Context) error {
		_, err := e.empty.Recv(ctx)
		return err
	})
}

func (e *idleSender) run(s step) (reply, error) {
	return idle(s, func(ctx context.Context) error { return e.full.Send(ctx, e.msg) })
}

func (e *idleReceiver) close() error { return errors.Join(e.empty.Close(), e.full.Close()) }
func (e *idleSender) close() error   { return errors.Join(e.empty.Close(), e.full.Close()) }

// idle measures the processor time of this process while it waits.
func idle(s step, wait func(context.Context) error) (reply, error) {
	var start time.Time
	var used time.Duration
	for _, d := range []time.Duration{idleRest, max(s.For, idleTime)} {
		start, used = time.Now(), processorTime()
		ctx, cancel := context.WithTimeout(context.Background(), d)
		err := wait(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			return reply{}, errors.Join(errors.New("it did not wait"), err)
		}
	}
	return reply{Took: time.Since(start), CPU: processorTime() - used}, nil
}
