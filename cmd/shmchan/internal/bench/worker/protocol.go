// Package worker starts the processes of a measurement and tells them what to do.
//
// A worker is this executable, started with a hidden verb. The parent writes a [Step]
// to its stdin, a line of JSON, and the worker answers each with a [Reply] on its
// stdout. A worker opens its [Part] in a case, runs it and closes it, each at a step
// of its own, so that all processes are ready before any is timed. It ends when its
// stdin does: with its parent, at the latest.
package worker

import "time"

// What a step asks a worker to do.
const (
	OpPin   = "pin"   // to one CPU, every thread
	OpRefer = "refer" // one side of a reference: Ref, Side
	OpOpen  = "open"  // this process's part in a case: Spec, Side
	OpRun   = "run"   // what was opened
	OpClose = "close"
)

// The references, by Step.Ref.
const (
	RefLine  = "line"
	RefRing  = "ring"
	RefFutex = "futex"
)

// What a process does in a case, by Step.Side.
const (
	Receiving = 0 // receives; or measures round trips
	Sending   = 1 // sends, number 1 of as many as there are; or answers
)

// Ways names the two directions between a pair: channels, FIFOs, queues.
var Ways = [...]string{"there", "back"}

// Step is one line to a worker.
type Step struct {
	Op   string
	CPU  int           `json:",omitempty"`
	Ref  string        `json:",omitempty"`
	Spec Spec          `json:",omitzero"`
	Side int           `json:",omitempty"`
	Warm time.Duration `json:",omitempty"`
	For  time.Duration `json:",omitempty"`
}

// Spec is what the processes of a case must know about it.
type Spec struct {
	Kind     string
	Via      string        `json:",omitempty"` // what a peer sends through
	Size     int           `json:",omitempty"` // bytes a message
	Senders  int           `json:",omitempty"`
	Batch    int           `json:",omitempty"` // messages a SendBatch, or records a store of tail
	InPlace  bool          `json:",omitempty"` // Claim and Consume
	Take     string        `json:",omitempty"` // how the receiver takes messages, unless by Consume
	Capacity int           `json:",omitempty"`
	Spin     time.Duration `json:",omitempty"`
	Twice    bool          `json:",omitempty"` // everything is done twice and counted once: a loss that the guard must notice
	Rested   bool          `json:",omitempty"` // the asking side lets the other fall asleep before each trip

	Lines  int    `json:",omitempty"` // that go through a pipeline; 0: by the duration of a run
	Frame  string `json:",omitempty"` // of send's input; "": lines
	Prints string `json:",omitempty"` // frame of recv's output, if that is another

	Procs     int           `json:",omitempty"` // GOMAXPROCS of each process; 0: as it comes
	Beat      time.Duration `json:",omitempty"` // heartbeat of the receiver
	Other     int           `json:",omitempty"` // bytes a message of the senders that are not measured
	Every     time.Duration `json:",omitempty"` // the receiver takes a message each time that this has passed
	Work      time.Duration `json:",omitempty"` // what the receiver computes for each message
	Timeout   time.Duration `json:",omitempty"` // of each Send or Recv
	Endpoints int           `json:",omitempty"` // endpoints of each process that has many
	Both      bool          `json:",omitempty"` // both sides hand messages on to another goroutine, not only the answering one
	Damaged   bool          `json:",omitempty"` // the file is truncated
	Blocked   bool          `json:",omitempty"` // the sender waits in Send, not for Done
}

// Processes returns how many processes take part, the receiver's included.
func (s Spec) Processes() int { return 1 + max(s.Senders, 1) }

// Reply is one line from a worker.
type Reply struct {
	Err   string        `json:",omitempty"`
	Cant  bool          `json:",omitempty"` // the system lacks what Err says
	Count uint64        `json:",omitempty"` // messages, trips, attachments
	Took  time.Duration `json:",omitempty"`
	Nanos float64       `json:",omitempty"` // a reference's time
	CPU   time.Duration `json:",omitempty"` // processor time used
	Hist  []byte        `json:",omitempty"` // round trips, or waits, in nanoseconds, HdrHistogram V2

	Wakes   uint64             `json:",omitempty"` // voluntary context switches
	Counts  []uint64           `json:",omitempty"` // messages by sender
	Figures map[string]float64 `json:",omitempty"` // others, by name
}

// Rate returns messages a second.
func (r Reply) Rate() float64 {
	if r.Took <= 0 {
		return 0
	}
	return float64(r.Count) / r.Took.Seconds()
}
