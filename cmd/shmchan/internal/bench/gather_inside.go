package bench

import (
	"context"
	"errors"
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/report"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
	"github.com/shmchan/shmchan/ipc"
)

// insides are messages that one goroutine sends and then takes, in turns. They show
// what the receiver's code costs when no cache line crosses between processors.
func insides() []Case {
	inside := func(name, about, take string, batch int, shows ...report.Figure) Case {
		s := flood(measure.RecordBytes, 1)
		s.Kind, s.Take, s.Batch = kindInTurns, take, batch
		return Case{Name: "inside-" + name, About: about, spec: s, shows: shows}
	}
	return []Case{
		inside("consume-64", "Consume of single messages in one process, alternating with Send; only Consume is timed", "", 0,
			atMost(figEach, 10*time.Nanosecond)),
		inside("consume-16x64", "the same of SendBatch of 16", "", 16, untargeted(figEach, report.Nanoseconds)),
		inside("append-64", "the same of single messages, RecvAppend", takeAppend, 0, untargeted(figEach, report.Nanoseconds)),
		inside("next-64", "the same of single messages, TryNext and Release", takeNext, 0, untargeted(figEach, report.Nanoseconds)),
	}
}

// turnMessages is how many messages a turn has; they fit the second-level cache.
const turnMessages = 1024

// inTurns is both endpoints of a channel in one process.
type inTurns struct {
	receiver *floodReceiver
	sender   *floodSender
}

func openInTurns(a *self, s worker.Step) (worker.Part, error) {
	if s.Side != worker.Receiving {
		return resting{}, nil
	}
	r, err := ipc.NewReceiver(context.Background(), worker.Ways[0], a.options(s.Spec))
	if err != nil {
		return nil, err
	}
	sender, err := a.attach(worker.Ways[0], s.Spec)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return &inTurns{&floodReceiver{r, s.Spec}, &floodSender{sender, s.Spec, worker.Sending}}, nil
}

func (e *inTurns) Close() error { return errors.Join(e.sender.Close(), e.receiver.Close()) }

// send returns a function that sends the next message, or batch.
func (e *inTurns) send() func() error {
	if e.sender.spec.Batch > 1 {
		return e.sender.batch()
	}
	ctx, msg, n := context.Background(), measure.NewMessage(e.sender.spec.Size, worker.Sending), uint64(0)
	return func() error {
		measure.Number(msg, worker.Sending, n)
		n++
		return e.sender.s.Send(ctx, msg)
	}
}

func (e *inTurns) Run(s worker.Step) (worker.Reply, error) {
	send, check := e.send(), measure.NewChecker(e.receiver.spec.Size).How(e.receiver.spec)
	var r worker.Reply
	for start := time.Now(); r.Count == 0 || time.Since(start) < s.Warm+s.For; {
		for range turnMessages / max(e.sender.spec.Batch, 1) {
			if err := send(); err != nil {
				return r, err
			}
		}
		m, from := measure.UpTo(turnMessages), time.Now()
		if err := e.receiver.take(m, check); err != nil {
			return r, err
		}
		if took := time.Since(from); time.Since(start) >= s.Warm {
			r.Count, r.Took = r.Count+m.Count, r.Took+took
		}
	}
	return r, nil
}
