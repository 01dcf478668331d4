package bench

import (
	"context"
	"errors"
	"time"

	"github.com/shmchan/shmchan/ipc"
)

// insides are messages that one goroutine sends and then takes, in turns: what the
// code of the receiving side costs where no cache line crosses.
func insides() []Case {
	inside := func(name, about, take string, batch int, shows ...Figure) Case {
		s := flood(recordBytes, 1)
		s.Kind, s.Take, s.Batch = kindInTurns, take, batch
		return Case{Name: "inside-" + name, About: about, spec: s, shows: shows}
	}
	return []Case{
		inside("consume-64", "Consume of single messages in one process, in turns with Send; the time of Consume", "", 0,
			atMost(figEach, 10*time.Nanosecond)),
		inside("consume-16x64", "the same of SendBatch of 16", "", 16, untargeted(figEach, Nanoseconds)),
		inside("append-64", "the same of single messages, RecvAppend", takeAppend, 0, untargeted(figEach, Nanoseconds)),
		inside("next-64", "the same of single messages, TryNext and Release", takeNext, 0, untargeted(figEach, Nanoseconds)),
	}
}

// turnMessages are sent at a turn; they fit the second cache.
const turnMessages = 1024

// inTurns is both ends of a channel in one process.
type inTurns struct {
	receiver *floodReceiver
	sender   *floodSender
}

func openInTurns(a *actor, s step) (end, error) {
	if s.Side != receiving {
		return resting{}, nil
	}
	r, err := ipc.NewReceiver(context.Background(), ways[0], a.options(s.Spec))
	if err != nil {
		return nil, err
	}
	sender, err := a.attach(ways[0], s.Spec)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return &inTurns{&floodReceiver{r, s.Spec}, &floodSender{sender, s.Spec, sending}}, nil
}

func (e *inTurns) close() error { return errors.Join(e.sender.close(), e.receiver.close()) }

// send returns what sends the next message, or batch.
func (e *inTurns) send() func() error {
	if e.sender.spec.Batch > 1 {
		return e.sender.batch()
	}
	ctx, msg, n := context.Background(), newMessage(e.sender.spec.Size, sending), uint64(0)
	return func() error {
		number(msg, sending, n)
		n++
		return e.sender.s.Send(ctx, msg)
	}
}

func (e *inTurns) run(s step) (reply, error) {
	send, check := e.send(), newChecker(e.receiver.spec.Size).how(e.receiver.spec)
	var r reply
	for start := time.Now(); r.Count == 0 || time.Since(start) < s.Warm+s.For; {
		for range turnMessages / max(e.sender.spec.Batch, 1) {
			if err := send(); err != nil {
				return r, err
			}
		}
		m, from := upTo(turnMessages), time.Now()
		if err := e.receiver.take(m, check); err != nil {
			return r, err
		}
		if took := time.Since(from); time.Since(start) >= s.Warm {
			r.Count, r.Took = r.Count+m.count, r.Took+took
		}
	}
	return r, nil
}
