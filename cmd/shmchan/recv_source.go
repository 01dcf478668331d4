package main

import (
	"context"
	"errors"
	"slices"

	"github.com/shmchan/shmchan/ipc"
)

// source is the channels that recv takes from, as if they were one. Messages of one
// channel stay in their order; of several, each channel has its turn.
type source struct {
	inlets  []*inlet
	only    *inlet   // where there is one, and nothing keeps its next message back
	last    *inlet   // the one that the message returned last came from
	turn    int      // index of the inlet to look at first
	spell   int      // messages that it may give before the next one's turn
	order   []*inlet // of several: where the messages came from that are held
	bounded bool     // --try
}

// inlet is one channel of a source.
type inlet struct {
	*ipc.Receiver
	name  string
	held  int    // messages that were returned and not released
	ended bool   // every sender has gone and all is received
	left  bool   // what comes now is left there: it stays unreleased
	until uint64 // with bounded: messages from this position on are left
}

// longestSpell is how many messages one channel gives before another has its turn.
const longestSpell = 64

// attached tells that the inlets are complete.
func (s *source) attached() {
	if len(s.inlets) == 1 {
		s.only, s.last = s.inlets[0], s.inlets[0]
	}
}

// several reports whether messages of more than one channel are merged.
func (s *source) several() bool { return len(s.inlets) > 1 }

// limit makes each inlet end where its channel's tail is now, however fast the senders
// are.
func (s *source) limit() {
	s.bounded, s.only = true, nil
	for _, in := range s.inlets {
		in.until = in.Stats().Tail
	}
}

// TryNext returns the next message in place, of whichever channel has one: ErrEmpty if
// none has, ErrDisconnected once all have ended in good order. Another error names its
// channel.
func (s *source) TryNext() ([]byte, error) {
	if in := s.only; in != nil {
		msg, err := in.Receiver.TryNext()
		if err == nil {
			in.held++
			return msg, nil
		}
		if _, err = s.took(in, nil, err); in.ended {
			s.only, err = nil, ipc.ErrDisconnected
		}
		return nil, err
	}
	for range len(s.inlets) + 1 { // the first one twice: its turn may be over
		in := s.inlets[s.turn]
		if in.ended || in.left || s.spell == 0 {
			s.advance()
			continue
		}
		msg, err := in.TryNext()
		msg, err = s.took(in, msg, err)
		switch {
		case err == nil:
			return msg, nil
		case !errors.Is(err, ipc.ErrEmpty):
			return nil, err
		}
		s.advance()
	}
	if slices.ContainsFunc(s.inlets, func(in *inlet) bool { return !in.ended }) {
		return nil, ipc.ErrEmpty
	}
	return nil, ipc.ErrDisconnected
}

// took is what has become of a look at one channel: ErrEmpty too if that has ended.
func (s *source) took(in *inlet, msg []byte, err error) ([]byte, error) {
	switch {
	case errors.Is(err, ipc.ErrRemoved):
		return nil, s.about(in.name, because(ipc.ErrDisconnected, "the channel was removed"))
	case errors.Is(err, ipc.ErrDisconnected):
		in.ended = true
		return nil, ipc.ErrEmpty
	case errors.Is(err, ipc.ErrEmpty):
		return nil, ipc.ErrEmpty
	case err != nil:
		return nil, s.about(in.name, err)
	case s.bounded && in.Meta().Position >= in.until:
		in.left = true
		return nil, ipc.ErrEmpty
	}
	in.held++
	s.spell--
	s.last = in
	if s.several() {
		s.order = append(s.order, in)
	}
	return msg, nil
}

func (s *source) advance() {
	s.turn = (s.turn + 1) % len(s.inlets)
	s.spell = longestSpell
}

// about names the channel that an error is about, where that is not plain.
func (s *source) about(name string, err error) error {
	if !s.several() {
		return err
	}
	return &aboutError{name, err}
}

// Next is TryNext that waits.
func (s *source) Next(ctx context.Context) ([]byte, error) {
	for {
		msg, err := s.TryNext()
		if !errors.Is(err, ipc.ErrEmpty) {
			return msg, err
		}
		if !s.several() {
			in := s.inlets[0]
			msg, err := in.Receiver.Next(ctx)
			if msg, err = s.took(in, msg, err); !errors.Is(err, ipc.ErrEmpty) {
				return msg, err
			}
			continue
		}
		var open []*ipc.Receiver
		var index []int
		for i, in := range s.inlets {
			if !in.ended {
				open, index = append(open, in.Receiver), append(index, i)
			}
		}
		i, err := ipc.Select(ctx, open...)
		if err != nil {
			return nil, err
		}
		s.turn, s.spell = index[i], longestSpell
	}
}

// Meta is that of the message returned last.
func (s *source) Meta() ipc.Meta { return s.last.Meta() }

// name is that of the channel which the message returned last came from.
func (s *source) name() string { return s.last.name }

// putBack takes the message returned last out of what Release releases, for good: its
// channel must give no other.
func (s *source) putBack() {
	s.last.held--
	s.last.left = true
	s.only = nil
	if s.several() {
		s.order = s.order[:len(s.order)-1]
	}
}

// Intact reports whether what is held can be trusted.
func (s *source) Intact() error {
	for _, in := range s.inlets {
		if err := in.Intact(); in.held > 0 && err != nil {
			return s.about(in.name, err)
		}
	}
	return nil
}

// Release releases all that is held.
func (s *source) Release() error {
	for _, in := range s.inlets {
		if err := s.release(in, in.held); err != nil {
			return err
		}
	}
	s.order = s.order[:0]
	return nil
}

// ReleaseFirst releases the first n messages of those that are held.
func (s *source) ReleaseFirst(n int) error {
	if !s.several() {
		return s.release(s.inlets[0], n)
	}
	counts := map[*inlet]int{}
	for _, in := range s.order[:n] {
		counts[in]++
	}
	for in, count := range counts {
		if err := s.release(in, count); err != nil {
			return err
		}
	}
	s.order = append(s.order[:0], s.order[n:]...)
	return nil
}

func (s *source) release(in *inlet, n int) error {
	if n == 0 {
		return nil
	}
	var err error
	if n == in.held && !in.left {
		err = in.Receiver.Release()
	} else {
		err = in.Receiver.ReleaseFirst(n)
	}
	if err != nil {
		return s.about(in.name, err)
	}
	in.held -= n
	return nil
}

// Close closes all channels.
func (s *source) Close() (err error) {
	for _, in := range s.inlets {
		if cerr := in.Receiver.Close(); err == nil && cerr != nil {
			err = s.about(in.name, cerr)
		}
	}
	return err
}
