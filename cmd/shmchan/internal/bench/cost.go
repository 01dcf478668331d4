package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
	"github.com/shmchan/shmchan/ipc"
)

// attachReceiver is the receiver of a channel that senders attach to and leave. The
// process that measures this sends it the figures.
type attachReceiver struct{ r *ipc.Receiver }

type attachSender struct {
	a *self
	s worker.Step
}

func openAttach(a *self, s worker.Step) (worker.Part, error) {
	if s.Side != worker.Receiving {
		return &attachSender{a, s}, nil
	}
	o := a.options(s.Spec)
	o.KeepOpen = true
	r, err := ipc.NewReceiver(context.Background(), worker.Ways[0], o)
	return &attachReceiver{r}, err
}

func (e *attachReceiver) Run(worker.Step) (worker.Reply, error) {
	msg, err := e.r.Recv(context.Background())
	if err != nil || len(msg) != 16 {
		return worker.Reply{}, errors.Join(err, errors.New("the worker sent no figures"))
	}
	le := binary.LittleEndian
	return worker.Reply{Count: le.Uint64(msg), Took: time.Duration(le.Uint64(msg[8:]))}, nil
}

func (e *attachReceiver) Close() error { return e.r.Close() }

func (e *attachSender) Run(s worker.Step) (worker.Reply, error) {
	m := measure.NewMeter(s.Warm, s.For)
	for more := true; more; more = !m.Add(1) {
		sender, err := ipc.NewSender(context.Background(), worker.Ways[0], &ipc.Options{Dir: e.a.dir})
		if err != nil {
			return worker.Reply{}, err
		}
		if err := sender.Close(); err != nil {
			return worker.Reply{}, err
		}
	}
	r, le := m.Reply(), binary.LittleEndian
	sender, err := e.a.attach(worker.Ways[0], e.s.Spec)
	if err != nil {
		return worker.Reply{}, err
	}
	figures := le.AppendUint64(le.AppendUint64(nil, r.Count), uint64(r.Took))
	return worker.Reply{}, errors.Join(sender.Send(context.Background(), figures), sender.Close())
}

func (e *attachSender) Close() error { return nil }

// idleReceiver and idleSender are a blocked pair: the receiver waits for a message of
// an empty channel, the sender for room in a full one.
type idleReceiver struct{ empty, full *ipc.Receiver }

type idleSender struct {
	empty, full *ipc.Sender
	msg         []byte
}

// idleTime spans many heartbeats: a shorter measurement would mean nothing. In idleRest,
// before it, whatever was busy comes to rest.
const (
	idleTime = 2 * time.Second
	idleRest = 500 * time.Millisecond
)

func openIdle(a *self, s worker.Step) (_ worker.Part, err error) {
	if s.Side == worker.Receiving {
		e := &idleReceiver{}
		if e.empty, err = ipc.NewReceiver(context.Background(), worker.Ways[0], a.options(s.Spec)); err != nil {
			return nil, err
		}
		e.full, err = ipc.NewReceiver(context.Background(), worker.Ways[1], a.options(s.Spec))
		return e, err
	}
	e := &idleSender{msg: make([]byte, s.Spec.Size)}
	if e.empty, err = a.attach(worker.Ways[0], s.Spec); err != nil {
		return nil, err
	}
	if e.full, err = a.attach(worker.Ways[1], s.Spec); err != nil {
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

func (e *idleReceiver) Run(s worker.Step) (worker.Reply, error) {
	return idle(s, func(ctx context.Context) error {
		_, err := e.empty.Recv(ctx)
		return err
	})
}

func (e *idleSender) Run(s worker.Step) (worker.Reply, error) {
	return idle(s, func(ctx context.Context) error { return e.full.Send(ctx, e.msg) })
}

func (e *idleReceiver) Close() error { return errors.Join(e.empty.Close(), e.full.Close()) }
func (e *idleSender) Close() error   { return errors.Join(e.empty.Close(), e.full.Close()) }

// idle measures the processor time of this process while it waits.
func idle(s worker.Step, wait func(context.Context) error) (worker.Reply, error) {
	var start time.Time
	var used time.Duration
	for _, d := range []time.Duration{idleRest, max(s.For, idleTime)} {
		start, used = time.Now(), measure.ProcessorTime()
		ctx, cancel := context.WithTimeout(context.Background(), d)
		err := wait(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			return worker.Reply{}, errors.Join(errors.New("it did not wait"), err)
		}
	}
	return worker.Reply{Took: time.Since(start), CPU: measure.ProcessorTime() - used}, nil
}
