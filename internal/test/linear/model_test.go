package linear

import (
	"fmt"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/shmchan/shmchan/shm"
)

// The model is a FIFO queue bounded by bytes, with one refinement that TryRecv's
// ErrEmpty and the deaths of senders need. A message takes its place when its room is
// claimed and can be received after its commit; both happen within its send. ErrEmpty
// means that the queue is empty or that its first message is not committed. A claim
// that is never committed, since its sender died, occupies its room until it is
// skipped, at any later time.
//
// A call that was pending when its process died has taken effect or not; a send may
// also have claimed only.
type entry struct {
	id        int
	size      int // bytes in the ring
	committed bool
	orphan    bool // its sender died before its send returned
}

type state []entry

type call uint8

const (
	send   call = iota + 1 // claim and commit at one moment
	claim                  // the two halves of a send that met an ErrEmpty or a death
	commit                 //
	full                   // TrySend returned ErrFull: no room, or it is reserved for a sender in line
	recv                   // id was received
	empty                  // TryRecv returned ErrEmpty
)

var callNames = map[call]string{send: "send", claim: "claim", commit: "commit", full: "full", recv: "recv", empty: "empty"}

// input is one operation. pending: its process died before the call returned.
type input struct {
	call    call
	id      int
	length  int // of the message
	pending bool
	lined   bool // for full: another client was sending
}

func recordSize(length int) int { return (shm.RecordHeader + length + 7) &^ 7 }

// queue is the model of a ring of the given capacity in bytes.
func queue(capacity int) porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{state(nil)} },
		Step: func(s, in, _ any) []any {
			var next []any
			for _, from := range skips(s.(state)) {
				for _, to := range step(from, in.(input), capacity) {
					next = append(next, to)
				}
			}
			return next
		},
		Equal:             func(a, b any) bool { return slices.Equal(a.(state), b.(state)) },
		DescribeOperation: func(in, _ any) string { return in.(input).String() },
	}
	return m.ToModel()
}

func (in input) String() string {
	text := callNames[in.call]
	if in.call != empty {
		text += fmt.Sprintf(" %d.%d", in.id>>8, in.id&0xff)
	}
	if in.pending {
		text += "?"
	}
	return strings.TrimSpace(text)
}

// skips returns the states that skipping orphaned claims at the head may lead to,
// including s.
func skips(s state) []state {
	all := []state{s}
	for len(s) > 0 && s[0].orphan && !s[0].committed {
		s = s[1:]
		all = append(all, s)
	}
	return all
}

// step returns the states that one operation may lead to.
func step(s state, in input, capacity int) []state {
	var next []state
	if in.pending {
		next = append(next, s)
	}
	size := recordSize(in.length)
	switch in.call {
	case send, claim:
		if used(s)+size <= capacity {
			next = append(next, append(slices.Clone(s), entry{in.id, size, in.call == send, in.pending}))
		}
	case commit:
		i := slices.IndexFunc(s, func(e entry) bool { return e.id == in.id })
		if i >= 0 && !s[i].committed {
			done := slices.Clone(s)
			done[i].committed = true
			next = append(next, done)
		}
	case full:
		if in.lined || used(s)+size > capacity {
			next = append(next, s)
		}
	case recv:
		if len(s) > 0 && s[0].committed && (in.pending || s[0].id == in.id) {
			next = append(next, s[1:])
		}
	case empty:
		if len(s) == 0 || !s[0].committed {
			next = append(next, s)
		}
	}
	return next
}

func used(s state) (n int) {
	for _, e := range s {
		n += e.size
	}
	return n
}
