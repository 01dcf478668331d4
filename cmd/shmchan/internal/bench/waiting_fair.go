package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/shmchan/shmchan/ipc"
)

// slowReceiver takes messages at its own pace until its time is over. Its Close is how
// the senders know.
type slowReceiver struct {
	r    *ipc.Receiver
	spec spec
}

func (e *slowReceiver) close() error { return e.r.Close() }

// afterwards is how long a receiver stays when its time is over, so that the senders
// have measured before they see it go.
const afterwards = 100 * time.Millisecond

func (e *slowReceiver) run(s step) (reply, error) {
	start, counts := time.Now(), make([]uint64, e.spec.Senders+1)
	warm, end := start.Add(s.Warm), start.Add(s.Warm+s.For)
	if e.spec.Every == 0 && e.spec.Work == 0 {
		time.Sleep(time.Until(end))
	}
	p, buf, err := newPacer(e.spec), []byte(nil), error(nil)
	for time.Now().Before(end) {
		p.pause()
		if buf, err = e.r.RecvAppend(context.Background(), buf[:0]); err != nil {
			return reply{}, err
		}
		if who := int(binary.LittleEndian.Uint64(buf) >> senderShift); who < len(counts) && time.Now().After(warm) {
			counts[who]++
		}
	}
	r := reply{Took: time.Since(warm), Counts: counts[sending:]}
	for _, n := range counts {
		r.Count += n
	}
	time.Sleep(afterwards)
	return r, e.r.Close()
}

// fairSender sends beside others: the first sender's waits are measured, the others
// never stop.
type fairSender struct {
	s    *ipc.Sender
	spec spec
	who  int
}

const slowName = "slow"

func openFair(a *actor, s step) (end, error) {
	if s.Side == receiving {
		r, err := ipc.NewReceiver(context.Background(), slowName, a.options(s.Spec))
		return &slowReceiver{r, s.Spec}, err
	}
	sender, err := a.attach(slowName, s.Spec)
	return &fairSender{sender, s.Spec, s.Side}, err
}

func (e *fairSender) close() error { return e.s.Close() }

func (e *fairSender) run(s step) (reply, error) {
	if e.who != sending {
		return reply{}, e.flood()
	}
	send := e.one()
	waits, worst, warm := newSamples(), 0.0, time.Now().Add(s.Warm)
	for {
		head, from := e.s.Stats().Head, time.Now()
		err := send()
		took := time.Since(from)
		passed := float64(e.s.Stats().Head-head) / float64(e.spec.Capacity)
		// A wait that the end has cut short counts if it is the longest, so that one
		// that would last for ever shows.
		cut := errors.Is(err, ipc.ErrDisconnected)
		if from.After(warm) && !cut || cut && int64(took) > waits.h.Max() {
			waits.add(took)
			worst = max(worst, passed)
		}
		if err != nil {
			r, herr := waits.into(reply{Figures: map[string]float64{figRingfuls: worst}})
			if cut {
				err = nil
			}
			return r, errors.Join(err, herr)
		}
	}
}

// one returns what sends the messages that are measured: one, or one batch.
func (e *fairSender) one() func() error {
	ctx := context.Background()
	msgs := make([][]byte, max(e.spec.Batch, 1))
	for i := range msgs {
		msgs[i] = newMessage(e.spec.Size, e.who)
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
	msg := newMessage(e.spec.Other, e.who)
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
