package watch

import (
	"fmt"

	"github.com/shmchan/shmchan/ipc"
)

// NoSlot is the Slot of a Block that no endpoint causes.
const NoSlot = -2

// Block says what keeps endpoints of a channel waiting.
type Block struct {
	Slot int    // of the endpoint that causes it, -1 for the receiver, or NoSlot
	Text string // for people
}

// almostFull is the fill, in quarters of the ring, from which senders may wait: a batch
// takes up to one quarter.
const almostFull = 3

// blockOf returns what blocks a channel, or nil. Every sender has a claim at the head for a
// moment, so a claim counts only if its sender is not alive, or had the same claim in the
// previous sample. before is that sample, or nil.
func blockOf(before, s *ipc.Stats) *Block {
	for i := range s.Senders {
		e := &s.Senders[i]
		if e.Claim == nil || *e.Claim != s.Head || s.Tail == s.Head {
			continue
		}
		if e.State != ipc.StateAlive || stood(before, e) {
			return &Block{e.Slot, fmt.Sprintf("sender %d (pid %d, %s) has an unfinished message: nothing after it can be received",
				e.Slot, e.PID, e.State)}
		}
	}
	if s.Used < s.Capacity/4*almostFull {
		return nil
	}
	switch r := s.Receiver; {
	case r == nil:
		return &Block{NoSlot, "the ring is almost full, and there is no receiver"}
	case r.State != ipc.StateAlive:
		return &Block{-1, fmt.Sprintf("the receiver (pid %d) is %s, and the ring is almost full", r.PID, r.State)}
	default:
		return &Block{-1, fmt.Sprintf("the receiver (pid %d) is slower than the senders: the ring is almost full", r.PID)}
	}
}

// stood reports whether the sender had the same claim in the previous sample.
func stood(before *ipc.Stats, e *ipc.End) bool {
	if before == nil {
		return false
	}
	then := senderIn(before, e.Slot)
	return then != nil && then.PID == e.PID && then.Claim != nil && *then.Claim == *e.Claim
}
