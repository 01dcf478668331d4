package ipc

import (
	"io/fs"
	"time"

	"github.com/shmchan/shmchan/internal/process"
	"github.com/shmchan/shmchan/shm"
)

// State is the liveness of an endpoint, as seen by an observer.
type State uint8

const (
	// StateAlive: its process exists and beats.
	StateAlive State = iota + 1
	// StateStalled: its process exists but has not beaten for three heartbeats,
	// because it is stopped, starved, or in a debugger. Nothing is taken from it.
	StateStalled
	// StateDead: according to the kernel its process is gone or dumping core, and
	// the endpoint was not closed.
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

// End describes one attached endpoint, a Sender or a Receiver.
type End struct {
	Slot     int           // sender slot, from 0; -1 for the receiver
	PID      int           // in its own PID namespace
	State    State         // alive, stalled or dead
	Label    string        // Options.Label
	BeatAge  time.Duration // since its last beat
	Messages uint64        // sent or received by this endpoint
	Bytes    uint64        // their payload
	Claim    *uint64       // position of its claim in flight, if any
	Outlived bool          // dead, but a process that it forked, or its core dump, still holds its lock
}

// Stats is a snapshot of a channel. Its fields are read one after another while
// senders and the receiver continue, so they are consistent only approximately.
type Stats struct {
	Name       string
	Path       string
	Capacity   int         // ring bytes
	MaxSenders int         // sender slots
	Used       int         // bytes between head and tail
	Head       uint64      // bytes ever released by receivers
	Tail       uint64      // bytes ever claimed by senders
	Messages   uint64      // ever sent, including by senders that have gone
	Bytes      uint64      // their payload
	Received   uint64      // messages ever received
	Deaths     uint64      // senders that died without Close
	Skipped    uint64      // claims that dead senders never committed
	Durable    bool        // outlives its receiver
	Dead       bool        // its receiver has gone for good
	Mode       fs.FileMode // of the file
	Created    time.Time   // when it was made
	Receiver   *End        // nil if none is attached
	Senders    []End       // in order of slot
}

// Meta describes where a message came from.
type Meta struct {
	Seq      uint64 // number of the message among all that the channel's receivers took, from 1
	Position uint64 // of its record in the ring; the same if a durable channel repeats the message
	Index    int    // within the record, which holds several messages if it is a batch
	Slot     int    // of its sender
	PID      int    // of its sender; 0 if another sender has the slot now
}

// Death describes a sender that died without Close.
type Death struct {
	Slot  int
	PID   int // in its own PID namespace
	Label string
}

// Entry is one file in a channel directory.
type Entry struct {
	Name  string
	Stats Stats
	Err   error // why it can't be read as a channel; Stats then holds only Name and Path
}

// stalledAfter is how many heartbeats an endpoint may miss before it counts as
// stalled.
const stalledAfter = 3

// The endpoint that a segment's own locks belong to: a lock query through an open
// file does not report that file's own locks.
const (
	ownNone     = -2
	ownReceiver = -1 // else the sender's slot
)

// describe reads everything in a segment, on behalf of the endpoint own. It asks the
// kernel once for each attached endpoint.
func describe(name string, seg *shm.Segment, own int) Stats {
	s := counts(name, seg)
	finished, err := seg.Finished()
	s.Dead = finished && err == nil && own != ownReceiver
	now := process.Monotonic()
	if e := seg.ReceiverEndpoint(); e.Live() {
		alive, err := seg.ReceiverAlive()
		info := describeEndpoint(seg, e, ownReceiver, alive || err != nil || own == ownReceiver, now)
		s.Receiver = &info
	}
	for i := range seg.Ring().Senders() {
		e := seg.SenderEndpoint(i)
		if !e.Live() {
			continue
		}
		alive, err := seg.SenderAlive(i)
		info := describeEndpoint(seg, e, i, alive || err != nil || own == i, now)
		if info.State == StateDead { // not reaped yet
			s.Deaths++
		}
		s.Senders = append(s.Senders, info)
	}
	return s
}

// counts reads everything in a segment but the endpoints, without asking the kernel.
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

func describeEndpoint(seg *shm.Segment, e shm.Endpoint, slot int, alive bool, now int64) End {
	at, interval := e.LastBeat()
	who := e.Owner()
	info := End{Slot: slot, PID: who.Process.PID, Label: who.Label, BeatAge: time.Duration(max(now-at, 0)), State: StateAlive}
	info.Messages, info.Bytes = e.Counts()
	switch {
	case !alive:
		info.State = StateDead
		_, _, info.Outlived = seg.Outlived(slot)
	case info.BeatAge > stalledAfter*interval:
		info.State = StateStalled
	}
	if pos, ok := e.Claiming(); ok && slot >= 0 {
		info.Claim = &pos
	}
	return info
}

// Stats returns a snapshot of the channel. After Close it returns the counts at the
// time of Close, without endpoints. It is safe for concurrent use.
func (s *Sender) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return s.last
	}
	return describe(s.name, s.seg, s.slot)
}

// Stats returns a snapshot of the channel. After Close it returns the counts at the
// time of Close, without endpoints. It is safe for concurrent use.
func (r *Receiver) Stats() Stats {
	r.stats.Lock()
	defer r.stats.Unlock()
	if r.ended {
		return r.last
	}
	return describe(r.name, r.seg, ownReceiver)
}
