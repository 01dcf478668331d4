package main

import (
	"context"
	"errors"
	"slices"

	"github.com/shmchan/shmchan/ipc"
)

// source merges the channels of a recv. The messages of each channel stay in order, and
// the channels take turns.
type source struct {
	inlets  []*inlet
	only    *inlet   // the fast path: the only inlet, if nothing limits it
	last    *inlet   // the inlet of the message that was returned last
	turn    int      // index of the inlet whose turn it is
	spell   int      // messages that it may still return in this turn
	order   []*inlet // if there are several: the inlets of the held messages, in order
	bounded bool     // limit was called
}

// inlet is one channel of a source.
type inlet struct {
	*ipc.Receiver
	name  string
	held  int    // messages that were returned and not released
	ended bool   // all senders are gone, and all messages are received
	left  bool   // its next message is not returned, and stays unreleased
	until uint64 // if bounded: messages from this position on are left
}

// longestSpell is the number of messages that a channel returns in one turn.
const longestSpell = 64

// attached completes the source once all inlets are there.
func (s *source) attached() {
	if len(s.inlets) == 1 {
		s.only, s.last = s.inlets[0], s.inlets[0]
	}
}

// several reports whether there is more than one channel.
func (s *source) several() bool { return len(s.inlets) > 1 }

// limit makes each inlet end at the current tail of its channel, however fast the senders
// are.
func (s *source) limit() {
	s.bounded, s.only = true, nil
	for _, in := range s.inlets {
		in.until = in.Stats().Tail
	}
}

// TryNext returns the next message, in place. If no channel has one, it returns ErrEmpty;
// if all channels have ended, ErrDisconnected. Any other error names its channel.
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
	for range len(s.inlets) + 1 { // the first one twice, in case its turn is over
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

// took accounts for what a receiver returned. If its channel has ended, took returns
// ErrEmpty.
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

// about adds the channel to an error if there are several.
func (s *source) about(name string, err error) error {
	if !s.several() {
		return err
	}
	return &aboutError{name, err}
}

// Next is like TryNext, but waits for a message.
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

// Meta describes the message that was returned last.
func (s *source) Meta() ipc.Meta { return s.last.Meta() }

// name returns the channel of the message that was returned last.
func (s *source) name() string { return s.last.name }

// putBack excludes the message that was returned last from Release. Its channel returns
// no further message.
func (s *source) putBack() {
	s.last.held--
	s.last.left = true
	s.only = nil
	if s.several() {
		s.order = s.order[:len(s.order)-1]
	}
}

// Intact returns an error if a held message may be damaged.
func (s *source) Intact() error {
	for _, in := range s.inlets {
		if err := in.Intact(); in.held > 0 && err != nil {
			return s.about(in.name, err)
		}
	}
	return nil
}

// Release releases all held messages.
func (s *source) Release() error {
	for _, in := range s.inlets {
		if err := s.release(in, in.held); err != nil {
			return err
		}
	}
	s.order = s.order[:0]
	return nil
}

// ReleaseFirst releases the first n held messages.
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
