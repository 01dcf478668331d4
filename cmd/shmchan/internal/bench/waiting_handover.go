package bench

import (
	"bytes"
	"context"
	"errors"

	"github.com/shmchan/shmchan/ipc"
)

// talk is one side of a conversation: what it sends by, and what it hears.
type talk struct {
	send  func(msg []byte) error
	recv  func() ([]byte, error) // a copy of the caller's own; nothing, or an error: it is over
	over  func() error           // tells the other side so
	close func() error
}

// channelTalk is a conversation through a pair of channels.
func (a *actor) channelTalk(s spec, in, out string) (talk, error) {
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

// wireTalk is a conversation through what a peer sends by.
func (a *actor) wireTalk(s step) (talk, error) {
	w, err := a.openWire(s)
	if err != nil {
		return talk{}, err
	}
	frame, body := newFrame(s.Spec.Size, 0)
	return talk{
		send: func(msg []byte) error {
			copy(body, msg)
			return w.send(frame)
		},
		recv: func() ([]byte, error) {
			msg, err := w.recv()
			return bytes.Clone(msg), ignoreEOF(err)
		},
		over:  w.over,
		close: w.Close,
	}, nil
}

// handOn has a goroutine hear, and hand on what it hears through a Go channel.
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

// ask measures round trips, until the time is over.
func (t talk) ask(s step, size int) (reply, error) {
	msg, c, n := newMessage(size, 0), newChecker(size), uint64(0)
	r, err := trips(s, func() error {
		number(msg, 0, n)
		n++
		if err := t.send(msg); err != nil {
			return err
		}
		answer, err := t.recv()
		if err != nil {
			return err
		}
		return c.edges(answer)
	})
	return r, errors.Join(err, t.over())
}

// answer sends back what comes, until the other side is over.
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

// handOnEnd is one process of round trips in which goroutines hand on.
type handOnEnd struct {
	talk
	spec    spec
	asks    bool
	restore func()
}

func openHandOn(a *actor, s step) (_ end, err error) {
	e := &handOnEnd{spec: s.Spec, asks: s.Side == receiving, restore: onProcs(s.Spec)}
	in, out := ways[0], ways[1]
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

func (e *handOnEnd) run(s step) (reply, error) {
	if !e.asks {
		return reply{}, e.handOn().answer()
	}
	t := e.talk
	if e.spec.Both {
		t = t.handOn()
	}
	r, err := t.ask(s, e.spec.Size)
	if err != nil {
		return r, err
	}
	_, err = t.recv() // the other side is over too: no goroutine is left that hears
	return r, err
}

func (e *handOnEnd) close() error {
	e.restore()
	return e.talk.close()
}

// viaChan says that two goroutines talk through Go channels.
const viaChan = "chan"

// insideEnd is both sides in one process.
type insideEnd struct {
	asks, answers talk
	spec          spec
	restore       func()
}

func openInside(a *actor, s step) (_ end, err error) {
	if s.Side != receiving {
		return resting{}, nil
	}
	e := &insideEnd{spec: s.Spec}
	if s.Spec.Via == viaChan {
		there, back := make(chan []byte), make(chan []byte)
		e.asks, e.answers = chanTalk(back, there), chanTalk(there, back)
	} else if e.asks, e.answers, err = a.bothTalks(s.Spec); err != nil {
		return nil, err
	}
	e.restore = onProcs(s.Spec)
	return e, nil
}

// bothTalks is channelTalk for both sides at once: each sender needs the other side's
// receiver.
func (a *actor) bothTalks(s spec) (asks, answers talk, err error) {
	opened := make(chan error, 1)
	go func() {
		var err error
		answers, err = a.channelTalk(s, ways[0], ways[1])
		opened <- err
	}()
	asks, err = a.channelTalk(s, ways[1], ways[0])
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

func (e *insideEnd) run(s step) (reply, error) {
	answered := make(chan error, 1)
	go func() { answered <- e.answers.answer() }()
	r, err := e.asks.ask(s, e.spec.Size)
	return r, errors.Join(err, <-answered)
}

func (e *insideEnd) close() error {
	e.restore()
	return errors.Join(e.asks.close(), e.answers.close())
}
