package watch

import (
	"fmt"

	"github.com/shmchan/shmchan/ipc"
)

// NoSlot is the Slot of a Block for which there is no end to blame.
const NoSlot = -2

// Block tells who holds the others up.
type Block struct {
	Slot int    // of the end: a sender's, -1 the receiver's, or NoSlot
	Text string // for a person
}

// allButFull is the part of a ring, in quarters, from which on senders may wait: a
// batch takes up to one.
const allButFull = 3

// blockOf finds who holds the others up. A claim at the head is every sender's
// usual way, so it counts only if its owner does not go on, or if it stood there in
// the sample before already; before may be nil.
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
	if s.Used < s.Capacity/4*allButFull {
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

// stood tells whether the end had the same claim in hand then.
func stood(before *ipc.Stats, e *ipc.End) bool {
	if before == nil {
		return false
	}
	then := senderIn(before, e.Slot)
	return then != nil && then.PID == e.PID && then.Claim != nil && *then.Claim == *e.Claim
}
