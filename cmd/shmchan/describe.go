package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/ipc"
)

// What the verbs say about a channel and its endpoints to people.

// kindOf says whether the channel is durable, and whether it is dead.
func kindOf(s *ipc.Stats) string {
	kind := "not durable"
	if s.Durable {
		kind = "durable"
	}
	if s.Dead {
		kind += "; dead: its receiver is gone for good"
	}
	return kind
}

// receiverOf returns the pid of the receiver, or a dash.
func receiverOf(s *ipc.Stats) string {
	if s.Receiver == nil {
		return "-"
	}
	return strconv.Itoa(s.Receiver.PID)
}

// noteOf returns what is unusual about a channel, or a dash.
func noteOf(s *ipc.Stats) string {
	var notes []string
	if s.Durable {
		notes = append(notes, "durable")
	}
	if s.Dead {
		notes = append(notes, "dead")
	}
	if r := s.Receiver; r != nil && r.State != ipc.StateAlive {
		notes = append(notes, "receiver "+r.State.String())
	}
	for _, state := range []ipc.State{ipc.StateStalled, ipc.StateDead} {
		n := uint64(0)
		for i := range s.Senders {
			if s.Senders[i].State == state {
				n++
			}
		}
		if n > 0 {
			notes = append(notes, text.Plural(n, "sender")+" "+state.String())
		}
	}
	return text.OrDash(strings.Join(notes, ", "))
}

// processOf names the process of an endpoint for a person.
func processOf(pid int, label string) string {
	if label == "" {
		return fmt.Sprintf("pid %d", pid)
	}
	return fmt.Sprintf("pid %d, %s", pid, text.Printable(label))
}

// liveEndpoint names a live endpoint of the channel, or returns "".
func liveEndpoint(s *ipc.Stats) string {
	if s.Receiver != nil && s.Receiver.State != ipc.StateDead {
		return fmt.Sprintf("its receiver (pid %d)", s.Receiver.PID)
	}
	for i := range s.Senders {
		if e := &s.Senders[i]; e.State != ipc.StateDead {
			return fmt.Sprintf("its sender %d (pid %d)", e.Slot, e.PID)
		}
	}
	return ""
}

// unread returns the number of messages that were not received.
func unread(s *ipc.Stats) uint64 { return s.Messages - min(s.Received, s.Messages) }

// users names the live endpoints of a channel.
func (a *app) users(name string) string {
	s, err := ipc.Inspect(name, a.options())
	if err != nil {
		return "a live endpoint"
	}
	var who []string
	if s.Receiver != nil && s.Receiver.State != ipc.StateDead {
		who = append(who, fmt.Sprintf("its receiver (pid %d)", s.Receiver.PID))
	}
	var first, alive int
	for _, e := range s.Senders {
		if e.State == ipc.StateDead {
			continue
		}
		if alive++; alive == 1 {
			first = e.PID
		}
	}
	switch alive {
	case 0:
	case 1:
		who = append(who, fmt.Sprintf("a sender (pid %d)", first))
	default:
		who = append(who, fmt.Sprintf("%d senders", alive))
	}
	if len(who) == 0 {
		return "a live endpoint"
	}
	return strings.Join(who, " and ")
}
