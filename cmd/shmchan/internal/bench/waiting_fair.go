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

// slowReceiver takes messages at a limited rate until its time is over, and then closes
// the receiver, which stops the senders.
type slowReceiver struct {
	r    *ipc.Receiver
	spec worker.Spec
}

func (e *slowReceiver) Close() error { return e.r.Close() }

// afterwards is how long a receiver stays open after its time, so that the senders have
// measured before it closes.
const afterwards = 100 * time.Millisecond

func (e *slowReceiver) Run(s worker.Step) (worker.Reply, error) {
	start, counts := time.Now(), make([]uint64, e.spec.Senders+1)
	warm, end := start.Add(s.Warm), start.Add(s.Warm+s.For)
	if e.spec.Every == 0 && e.spec.Work == 0 {
		time.Sleep(time.Until(end))
	}
	p, buf, err := measure.NewPacer(e.spec), []byte(nil), error(nil)
	for time.Now().Before(end) {
		p.Pause()
		if buf, err = e.r.RecvAppend(context.Background(), buf[:0]); err != nil {
			return worker.Reply{}, err
		}
		if who := int(binary.LittleEndian.Uint64(buf) >> measure.SenderShift); who < len(counts) && time.Now().After(warm) {
			counts[who]++
		}
	}
	r := worker.Reply{Took: time.Since(warm), Counts: counts[worker.Sending:]}
	for _, n := range counts {
		r.Count += n
	}
	time.Sleep(afterwards)
	return r, e.r.Close()
}

// fairSender is one of several senders. The waits of the first are measured; the others
// never stop sending.
type fairSender struct {
	s    *ipc.Sender
	spec worker.Spec
	who  int
}

const slowName = "slow"

func openFair(a *self, s worker.Step) (worker.Part, error) {
	if s.Side == worker.Receiving {
		r, err := ipc.NewReceiver(context.Background(), slowName, a.options(s.Spec))
		return &slowReceiver{r, s.Spec}, err
	}
	sender, err := a.attach(slowName, s.Spec)
	return &fairSender{sender, s.Spec, s.Side}, err
}

func (e *fairSender) Close() error { return e.s.Close() }

func (e *fairSender) Run(s worker.Step) (worker.Reply, error) {
	if e.who != worker.Sending {
		return worker.Reply{}, e.flood()
	}
	send := e.one()
	waits, worst, warm := measure.NewSamples(), 0.0, time.Now().Add(s.Warm)
	for {
		head, from := e.s.Stats().Head, time.Now()
		err := send()
		took := time.Since(from)
		passed := float64(e.s.Stats().Head-head) / float64(e.spec.Capacity)
		// A wait that the end of the run cuts short counts if it is the longest: a wait
		// that would last for ever must show.
		cut := errors.Is(err, ipc.ErrDisconnected)
		if from.After(warm) && !cut || cut && took > waits.Max() {
			waits.Add(took)
			worst = max(worst, passed)
		}
		if err != nil {
			r, herr := waits.Into(worker.Reply{Figures: map[string]float64{figRingfuls: worst}})
			if cut {
				err = nil
			}
			return r, errors.Join(err, herr)
		}
	}
}

// one returns a function that sends what is measured: one message, or one batch.
func (e *fairSender) one() func() error {
	ctx := context.Background()
	msgs := make([][]byte, max(e.spec.Batch, 1))
	for i := range msgs {
		msgs[i] = measure.NewMessage(e.spec.Size, e.who)
	}
	if e.spec.Batch == 0 {
		return func() error { return e.s.Send(ctx, msgs[0]) }
	}
	return func() error {
		for rest := msgs; len(rest) > 0; {
			n, err := e.s.SendBatch(ctx, rest)
			if err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	}
}

func (e *fairSender) flood() error {
	msg := measure.NewMessage(e.spec.Other, e.who)
	for {
		if err := e.s.Send(context.Background(), msg); err != nil {
			return ignoreDisconnected(err)
		}
	}
}

func ignoreDisconnected(err error) error {
	if errors.Is(err, ipc.ErrDisconnected) {
		return nil
	}
	return err
}
