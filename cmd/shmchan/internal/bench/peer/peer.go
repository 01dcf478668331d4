package peer

import (
	"errors"
	"io"
	"sync/atomic"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// peerPart is one process of a peer: it floods or measures round trips.
type peerPart struct {
	w    Wire
	spec worker.Spec
	asks bool // measures, or receives
	trip bool
}

// OpenTrip opens one side of round trips through a peer; see openWire.
func OpenTrip(dir string, quit *atomic.Uint64, s worker.Step) (worker.Part, error) {
	w, err := OpenWire(dir, quit, s)
	return &peerPart{w, s.Spec, s.Side == worker.Receiving, true}, err
}

// OpenFlood opens one side of a peer under load; see openWire.
func OpenFlood(dir string, quit *atomic.Uint64, s worker.Step) (worker.Part, error) {
	w, err := OpenWire(dir, quit, s)
	return &peerPart{w, s.Spec, s.Side == worker.Receiving, false}, err
}

func (p *peerPart) Close() error { return p.w.Close() }

func (p *peerPart) Run(s worker.Step) (worker.Reply, error) {
	switch {
	case p.trip && p.asks:
		return p.ask(s)
	case p.trip:
		return worker.Reply{}, p.answer()
	case p.asks:
		return p.receive(s)
	}
	return worker.Reply{}, p.flood()
}

func (p *peerPart) ask(s worker.Step) (worker.Reply, error) {
	frame, msg := NewFrame(p.spec.Size, 0)
	c, n := measure.NewChecker(p.spec.Size), uint64(0)
	r, err := measure.Trips(s, func() error {
		measure.Number(msg, 0, n)
		n++
		if err := p.w.Send(frame); err != nil {
			return err
		}
		answer, err := p.w.Recv()
		if err != nil {
			return err
		}
		return c.Edges(answer)
	})
	return r, errors.Join(err, p.w.Over())
}

func (p *peerPart) answer() error {
	frame, msg := NewFrame(p.spec.Size, 0)
	for {
		asked, err := p.w.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		copy(msg, asked)
		if err := p.w.Send(frame); err != nil {
			return err
		}
	}
}

func (p *peerPart) receive(s worker.Step) (worker.Reply, error) {
	m, c := measure.NewMeter(s.Warm, s.For), measure.NewChecker(p.spec.Size)
	check := c.Edges
	if p.spec.Size == measure.RecordBytes {
		check = c.Small
	}
	for more := true; more; more = !m.Add(1) {
		msg, err := p.w.Recv()
		if err == nil {
			err = check(msg)
		}
		if err != nil {
			return worker.Reply{}, err
		}
	}
	return m.Reply(), p.w.Enough()
}

func (p *peerPart) flood() error {
	frame, msg := NewFrame(p.spec.Size, worker.Sending)
	for n := uint64(0); ; n++ {
		measure.Number(msg, worker.Sending, n)
		if err := p.w.Send(frame); err != nil {
			if gone(err) {
				return nil
			}
			return err
		}
	}
}
