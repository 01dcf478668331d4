package bench

import (
	"bytes"
	"context"
	"errors"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/peer"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
	"github.com/shmchan/shmchan/ipc"
)

// talk is one side of a conversation.
type talk struct {
	send  func(msg []byte) error
	recv  func() ([]byte, error) // returns a copy; an empty message or an error ends it
	over  func() error           // ends the other side
	close func() error
}

// channelTalk opens one side of a conversation through a pair of channels.
func (a *self) channelTalk(s worker.Spec, in, out string) (talk, error) {
	r, err := ipc.NewReceiver(context.Background(), in, a.options(s))
	if err != nil {
		return talk{}, err
	}
	sender, err := a.attach(out, s)
	if err != nil {
		return talk{}, errors.Join(err, r.Close())
	}
	ctx := context.Background()
	return talk{
		send:  func(msg []byte) error { return sender.Send(ctx, msg) },
		recv:  func() ([]byte, error) { return r.Recv(ctx) },
		over:  func() error { return sender.Send(ctx, nil) },
		close: func() error { return errors.Join(sender.Close(), r.Close()) },
	}, nil
}

// wireTalk opens one side of a conversation through a peer.
func (a *self) wireTalk(s worker.Step) (talk, error) {
	w, err := peer.OpenWire(a.dir, &a.mem.Quit, s)
	if err != nil {
		return talk{}, err
	}
	frame, body := peer.NewFrame(s.Spec.Size, 0)
	return talk{
		send: func(msg []byte) error {
			copy(body, msg)
			return w.Send(frame)
		},
		recv: func() ([]byte, error) {
			msg, err := w.Recv()
			return bytes.Clone(msg), peer.IgnoreEOF(err)
		},
		over:  w.Over,
		close: w.Close,
	}, nil
}

// handOn returns the side with a goroutine that receives, and hands each message on
// through a Go channel.
func (t talk) handOn() talk {
	heard := make(chan []byte)
	failed := make(chan error, 1)
	go func() {
		defer close(heard)
		for {
			msg, err := t.recv()
			if err != nil || len(msg) == 0 {
				failed <- err
				return
			}
			heard <- msg
		}
	}()
	on := t
	on.recv = func() ([]byte, error) {
		if msg, ok := <-heard; ok {
			return msg, nil
		}
		return nil, <-failed
	}
	return on
}

// ask measures round trips until the time is over.
func (t talk) ask(s worker.Step, size int) (worker.Reply, error) {
	msg, c, n := measure.NewMessage(size, 0), measure.NewChecker(size), uint64(0)
	r, err := measure.Trips(s, func() error {
		measure.Number(msg, 0, n)
		n++
		if err := t.send(msg); err != nil {
			return err
		}
		answer, err := t.recv()
		if err != nil {
			return err
		}
		return c.Edges(answer)
	})
	return r, errors.Join(err, t.over())
}

// answer sends back what it receives until the other side ends.
func (t talk) answer() error {
	for {
		msg, err := t.recv()
		if err != nil || len(msg) == 0 {
			return errors.Join(err, t.over())
		}
		if err := t.send(msg); err != nil {
			return err
		}
	}
}

// handOnPart is one process of round trips in which a goroutine hands messages on.
type handOnPart struct {
	talk
	spec    worker.Spec
	asks    bool
	restore func()
}

func openHandOn(a *self, s worker.Step) (_ worker.Part, err error) {
	e := &handOnPart{spec: s.Spec, asks: s.Side == worker.Receiving, restore: onProcs(s.Spec)}
	in, out := worker.Ways[0], worker.Ways[1]
	if e.asks {
		in, out = out, in
	}
	if s.Spec.Via == "" {
		e.talk, err = a.channelTalk(s.Spec, in, out)
	} else {
		e.talk, err = a.wireTalk(s)
	}
	return e, err
}

func (e *handOnPart) Run(s worker.Step) (worker.Reply, error) {
	if !e.asks {
		return worker.Reply{}, e.handOn().answer()
	}
	t := e.talk
	if e.spec.Both {
		t = t.handOn()
	}
	r, err := t.ask(s, e.spec.Size)
	if err != nil {
		return r, err
	}
	_, err = t.recv() // the other side has ended: no goroutine is left that receives
	return r, err
}

func (e *handOnPart) Close() error {
	e.restore()
	return e.talk.close()
}

// viaChan is the Spec.Via of two goroutines with Go channels between them.
const viaChan = "chan"

// insidePart is both sides of a conversation in one process.
type insidePart struct {
	asks, answers talk
	spec          worker.Spec
	restore       func()
}

func openInside(a *self, s worker.Step) (_ worker.Part, err error) {
	if s.Side != worker.Receiving {
		return resting{}, nil
	}
	e := &insidePart{spec: s.Spec}
	if s.Spec.Via == viaChan {
		there, back := make(chan []byte), make(chan []byte)
		e.asks, e.answers = chanTalk(back, there), chanTalk(there, back)
	} else if e.asks, e.answers, err = a.bothTalks(s.Spec); err != nil {
		return nil, err
	}
	e.restore = onProcs(s.Spec)
	return e, nil
}

// bothTalks opens both sides at the same time: each sender needs the receiver of the
// other side.
func (a *self) bothTalks(s worker.Spec) (asks, answers talk, err error) {
	opened := make(chan error, 1)
	go func() {
		var err error
		answers, err = a.channelTalk(s, worker.Ways[0], worker.Ways[1])
		opened <- err
	}()
	asks, err = a.channelTalk(s, worker.Ways[1], worker.Ways[0])
	return asks, answers, errors.Join(err, <-opened)
}

func chanTalk(in <-chan []byte, out chan<- []byte) talk {
	return talk{
		send: func(msg []byte) error {
			out <- msg
			return nil
		},
		recv:  func() ([]byte, error) { return <-in, nil },
		over:  func() error { close(out); return nil },
		close: func() error { return nil },
	}
}

func (e *insidePart) Run(s worker.Step) (worker.Reply, error) {
	answered := make(chan error, 1)
	go func() { answered <- e.answers.answer() }()
	r, err := e.asks.ask(s, e.spec.Size)
	return r, errors.Join(err, <-answered)
}

func (e *insidePart) Close() error {
	e.restore()
	return errors.Join(e.asks.close(), e.answers.close())
}
