package bench

import "time"

// What a step asks a role to do.
const (
	opPin   = "pin"   // to one CPU, every thread
	opRefer = "refer" // one side of a reference: Ref, Side
	opOpen  = "open"  // this process's end of a case: Spec, Side
	opRun   = "run"   // what was opened
	opClose = "close"
	opExit  = "exit"
)

// Side is which end of a pair a process is.
const (
	receiving = 0 // receives; or measures round trips
	sending   = 1 // sends, number 1 of as many as there are; or answers
)

// step is one line to a role.
type step struct {
	Op   string
	CPU  int           `json:",omitempty"`
	Ref  string        `json:",omitempty"`
	Spec spec          `json:",omitzero"`
	Side int           `json:",omitempty"`
	Warm time.Duration `json:",omitempty"`
	For  time.Duration `json:",omitempty"`
}

// spec is what the processes of a case must know of it.
type spec struct {
	Kind     string
	Via      string        `json:",omitempty"` // a peer's: viaPipe and so on
	Size     int           `json:",omitempty"` // bytes a message
	Senders  int           `json:",omitempty"`
	Batch    int           `json:",omitempty"` // messages a SendBatch, records a publication
	InPlace  bool          `json:",omitempty"` // Claim and Consume
	Take     string        `json:",omitempty"` // how the receiver takes messages, unless by Consume: takeAppend and so on
	Capacity int           `json:",omitempty"`
	Spin     time.Duration `json:",omitempty"`
	Twice    bool          `json:",omitempty"` // all is done twice and counted once: a loss that a guard must notice
	Rested   bool          `json:",omitempty"` // the asking side lets the other fall asleep before each trip

	Lines  int    `json:",omitempty"` // that go through a pipeline; 0: by the duration of a run
	Frame  string `json:",omitempty"` // of send's input; "": lines
	Prints string `json:",omitempty"` // frame of recv's output, if that is another

	Procs   int           `json:",omitempty"` // GOMAXPROCS of each process; 0: as it comes
	Beat    time.Duration `json:",omitempty"` // heartbeat of the receiver
	Other   int           `json:",omitempty"` // bytes a message of the senders that are not measured
	Every   time.Duration `json:",omitempty"` // the receiver takes a message each time that this has passed
	Work    time.Duration `json:",omitempty"` // what the receiver computes for each message
	Timeout time.Duration `json:",omitempty"` // of each Send or Recv
	Ends    int           `json:",omitempty"` // in each process that has many
	Both    bool          `json:",omitempty"` // both sides hand on, not the answering one alone
	Damaged bool          `json:",omitempty"` // the file is truncated
	Blocked bool          `json:",omitempty"` // the sender waits in Send, not for Done
}

// processes is how many take part, the receiver's included.
func (s spec) processes() int { return 1 + max(s.Senders, 1) }

// reply is one line from a role.
type reply struct {
	Err   string        `json:",omitempty"`
	Cant  bool          `json:",omitempty"` // Err says what this system lacks
	Count uint64        `json:",omitempty"` // messages, trips, attachments
	Took  time.Duration `json:",omitempty"`
	Nanos float64       `json:",omitempty"` // a reference
	CPU   time.Duration `json:",omitempty"` // processor time used
	Hist  []byte        `json:",omitempty"` // round trips, or waits, in nanoseconds, HdrHistogram V2

	Wakes   uint64             `json:",omitempty"` // voluntary context switches
	Counts  []uint64           `json:",omitempty"` // messages by sender
	Figures map[string]float64 `json:",omitempty"` // others, by name
}

// rate is messages a second.
func (r reply) rate() float64 {
	if r.Took <= 0 {
		return 0
	}
	return float64(r.Count) / r.Took.Seconds()
}
