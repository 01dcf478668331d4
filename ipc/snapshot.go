package ipc

import (
	"io/fs"
	"time"

	"github.com/shmchan/shmchan/internal/process"
	"github.com/shmchan/shmchan/shm"
)

// stalledAfter is how many heartbeats an end may miss before it counts as
// stalled.
const stalledAfter = 3

// Which end a segment's own locks belong to: the kernel does not tell an open
// file about its own locks.
const (
	ownNone     = -2
	ownReceiver = -1 // else the sender's slot
)

// describe reads all that a segment tells. It asks the kernel once an end, which
// takes the longer the more ends there are.
func describe(name string, seg *shm.Segment, own int) Stats {
	s := counts(name, seg)
	finished, err := seg.Finished()
	s.Dead = finished && err == nil && own != ownReceiver
	now := process.Monotonic()
	if e := seg.ReceiverEndpoint(); e.Live() {
		alive, err := seg.ReceiverAlive()
		end := describeEnd(seg, e, ownReceiver, alive || err != nil || own == ownReceiver, now)
		s.Receiver = &end
	}
	for i := range seg.Ring().Senders() {
		e := seg.SenderEndpoint(i)
		if !e.Live() {
			continue
		}
		alive, err := seg.SenderAlive(i)
		end := describeEnd(seg, e, i, alive || err != nil || own == i, now)
		if end.State == StateDead { // not reaped yet
			s.Deaths++
		}
		s.Senders = append(s.Senders, end)
	}
	return s
}

// counts reads what a segment tells without asking the kernel: all but the ends.
func counts(name string, seg *shm.Segment) Stats {
	ring, count := seg.Ring(), seg.Counters()
	head := ring.Head() // before tail, which is never below it
	tail := ring.Tail()
	return Stats{
		Name: name, Path: seg.Path(), Capacity: ring.Capacity(), MaxSenders: ring.Senders(),
		Head: head, Tail: tail, Used: int(min(tail-head, uint64(ring.Capacity()))),
		Messages: count.Sent, Bytes: count.SentBytes, Received: count.Received,
		Deaths: count.Deaths, Skipped: count.Skipped,
		Durable: seg.Durable(), Mode: fs.FileMode(seg.Mode()), Created: seg.Created(),
	}
}

func describeEnd(seg *shm.Segment, e shm.Endpoint, slot int, alive bool, now int64) Endpoint {
	at, interval := e.LastBeat()
	who := e.Owner()
	end := Endpoint{Slot: slot, PID: who.Process.PID, Label: who.Label, BeatAge: time.Duration(max(now-at, 0)), State: StateAlive}
	end.Messages, end.Bytes = e.Counts()
	switch {
	case !alive:
		end.State = StateDead
		_, _, end.Outlived = seg.Outlived(slot)
	case end.BeatAge > stalledAfter*interval:
		end.State = StateStalled
	}
	if pos, ok := e.Claiming(); ok && slot >= 0 {
		end.Claim = &pos
	}
	return end
}

// Stats returns a snapshot of the channel; after Close, its counts as of then,
// without the ends. Safe for concurrent use.
func (s *Sender) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return s.last
	}
	return describe(s.name, s.seg, s.slot)
}

// Stats returns a snapshot of the channel; after Close, its counts as of then,
// without the ends. Safe for concurrent use.
func (r *Receiver) Stats() Stats {
	r.stats.Lock()
	defer r.stats.Unlock()
	if r.ended {
		return r.last
	}
	return describe(r.name, r.seg, ownReceiver)
}
