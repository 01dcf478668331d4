package ipc

import (
	"io/fs"
	"time"

	"github.com/shmchan/shmchan/internal/process"
	"github.com/shmchan/shmchan/shm"
)

// State is what an observer knows of an end.
type State uint8

const (
	// StateAlive: its process exists and beats.
	StateAlive State = iota + 1
	// StateStalled: its process exists but has not beaten for three heartbeats:
	// stopped, starved, or in a debugger. Nothing is taken from it.
	StateStalled
	// StateDead: the kernel says that it is gone, or dumping core, and it did not
	// close.
	StateDead
)

// String returns the word that stat prints: alive, stalled or dead.
func (s State) String() string {
	switch s {
	case StateAlive:
		return "alive"
	case StateStalled:
		return "stalled"
	case StateDead:
		return "dead"
	}
	return "unknown"
}

// Endpoint is what is known of one attached end.
type Endpoint struct {
	Slot     int           // sender slot, from 0; -1 for the receiver
	PID      int           // in its own PID namespace
	State    State         // alive, stalled or dead
	Label    string        // Options.Label
	BeatAge  time.Duration // since its last beat
	Messages uint64        // sent, or received, by this end
	Bytes    uint64        // their payload
	Claim    *uint64       // position of the claim that it has in flight, if any
	Outlived bool          // dead, but its lock is still held: by a process that it forked, or while its core is dumped
}

// Stats is a snapshot of a channel. Its fields were read one after another
// while the ends went on, so they agree only roughly.
type Stats struct {
	Name       string
	Path       string
	Capacity   int         // ring bytes
	MaxSenders int         // sender slots
	Used       int         // bytes between head and tail
	Head       uint64      // bytes ever released by receivers
	Tail       uint64      // bytes ever claimed by senders
	Messages   uint64      // ever sent, by senders that have gone too
	Bytes      uint64      // their payload
	Received   uint64      // messages ever received
	Deaths     uint64      // senders that died without Close
	Skipped    uint64      // claims that their dead owners never committed
	Durable    bool        // outlives its receiver
	Dead       bool        // has no future: its receiver has gone for good
	Mode       fs.FileMode // of the file
	Created    time.Time   // when it was made
	Receiver   *Endpoint   // nil if none is attached
	Senders    []Endpoint  // in order of slot
}

// Meta tells where a message came from.
type Meta struct {
	Seq      uint64 // number of the message among all that the channel's receivers took, from 1
	Position uint64 // of its record in the ring: the same again if a durable channel repeats it
	Index    int    // within the record: a batch holds many
	Slot     int    // of its sender
	PID      int    // of its sender; 0 if the slot has changed hands since
}

// Death tells of a sender that died without Close.
type Death struct {
	Slot  int
	PID   int // in its own PID namespace
	Label string
}

// Entry is one file in a channel directory.
type Entry struct {
	Name  string
	Stats Stats
	Err   error // why it can't be read as a channel; Stats is then empty but for Name and Path
}

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
		told := describeEndpoint(seg, e, ownReceiver, alive || err != nil || own == ownReceiver, now)
		s.Receiver = &told
	}
	for i := range seg.Ring().Senders() {
		e := seg.SenderEndpoint(i)
		if !e.Live() {
			continue
		}
		alive, err := seg.SenderAlive(i)
		told := describeEndpoint(seg, e, i, alive || err != nil || own == i, now)
		if told.State == StateDead { // not reaped yet
			s.Deaths++
		}
		s.Senders = append(s.Senders, told)
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

func describeEndpoint(seg *shm.Segment, e shm.Endpoint, slot int, alive bool, now int64) Endpoint {
	at, interval := e.LastBeat()
	who := e.Owner()
	told := Endpoint{Slot: slot, PID: who.Process.PID, Label: who.Label, BeatAge: time.Duration(max(now-at, 0)), State: StateAlive}
	told.Messages, told.Bytes = e.Counts()
	switch {
	case !alive:
		told.State = StateDead
		_, _, told.Outlived = seg.Outlived(slot)
	case told.BeatAge > stalledAfter*interval:
		told.State = StateStalled
	}
	if pos, ok := e.Claiming(); ok && slot >= 0 {
		told.Claim = &pos
	}
	return told
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
