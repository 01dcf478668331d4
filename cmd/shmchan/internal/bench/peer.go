package bench

import (
	"errors"
	"io"
)

// peerEnd is one process of a peer: it floods or measures round trips.
type peerEnd struct {
	w wire
	s step
}

func openPeer(a *actor, s step) (end, error) {
	w, err := a.openWire(s)
	if err != nil {
		return nil, err
	}
	return &peerEnd{w, s}, nil
}

func (p *peerEnd) close() error { return p.w.Close() }

func (p *peerEnd) run(s step) (reply, error) {
	trip := p.s.Spec.Kind == kindPeerTrip
	switch asks := p.s.Side == receiving; {
	case trip && asks:
		return p.ask(s)
	case trip:
		return reply{}, p.answer()
	case asks:
		return p.receive(s)
	}
	return reply{}, p.flood()
}

func (p *peerEnd) ask(s step) (reply, error) {
	frame, msg := newFrame(p.s.Spec.Size, 0)
	c, n := newChecker(p.s.Spec.Size), uint64(0)
	r, err := trips(s, func() error {
		number(msg, 0, n)
		n++
		if err := p.w.send(frame); err != nil {
			return err
		}
		answer, err := p.w.recv()
		if err != nil {
			return err
		}
		return c.edges(answer)
	})
	return r, errors.Join(err, p.w.over())
}

func (p *peerEnd) answer() error {
	frame, msg := newFrame(p.s.Spec.Size, 0)
	for {
		asked, err := p.w.recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		copy(msg, asked)
		if err := p.w.send(frame); err != nil {
			return err
		}
	}
}

func (p *peerEnd) receive(s step) (reply, error) {
	m, c := newMeter(s.Warm, s.For), newChecker(p.s.Spec.Size)
	check := c.edges
	if p.s.Spec.Size == recordBytes {
		check = c.small
	}
	for more := true; more; more = !m.add(1) {
		msg, err := p.w.recv()
		if err == nil {
			err = check(msg)
		}
		if err != nil {
			return reply{}, err
		}
	}
	return m.reply(), p.w.enough()
}

func (p *peerEnd) flood() error {
	frame, msg := newFrame(p.s.Spec.Size, sending)
	for n := uint64(0); ; n++ {
		number(msg, sending, n)
		if err := p.w.send(frame); err != nil {
			if gone(err) {
				return nil
			}
			return err
		}
	}
}
