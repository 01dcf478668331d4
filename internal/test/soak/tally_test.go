package soak

import (
	"fmt"
	"time"
)

// tally is the report of a soak.
type tally struct {
	Kills, ReceiverKills, Stops, Left uint64  // processes killed, of these receivers; stopped; exited cleanly
	Attached, Receivers               uint64  // senders and receivers that ever attached
	Sent, Received, Bytes             uint64  // messages whose send returned; messages received, including repeated ones
	InHand                            uint64  // received although the sender died before its send returned
	Skipped                           uint64  // open claims of dead senders
	Repeated                          uint64  // received again by a durable channel, after its receiver was killed
	Gone                              uint64  // lost with their receiver by a channel that is not durable
	Lost, Duplicates, Torn            uint64  // must be 0
	Faults                            uint64  // all violations; must be 0
	Stall, StallStopped               int64   // nanoseconds
	Waited                            float64 // ringfuls received during the longest wait for room
	Passed                            float64 // of these, sent by senders that came later, except for one message of each
	Rounds                            int
	Took                              time.Duration
}

func (t *tally) add(o tally) {
	for _, sum := range []struct {
		to   *uint64
		more uint64
	}{
		{&t.Kills, o.Kills}, {&t.ReceiverKills, o.ReceiverKills}, {&t.Stops, o.Stops}, {&t.Left, o.Left},
		{&t.Attached, o.Attached}, {&t.Receivers, o.Receivers},
		{&t.Sent, o.Sent}, {&t.Received, o.Received}, {&t.Bytes, o.Bytes},
		{&t.InHand, o.InHand}, {&t.Skipped, o.Skipped}, {&t.Repeated, o.Repeated}, {&t.Gone, o.Gone},
		{&t.Lost, o.Lost}, {&t.Duplicates, o.Duplicates}, {&t.Torn, o.Torn}, {&t.Faults, o.Faults},
	} {
		*sum.to += sum.more
	}
	t.Stall, t.StallStopped = max(t.Stall, o.Stall), max(t.StallStopped, o.StallStopped)
	t.Waited, t.Passed = max(t.Waited, o.Waited), max(t.Passed, o.Passed)
	t.Rounds++
	t.Took += o.Took
}

// String returns the report.
func (t *tally) String() string {
	text := ""
	line := func(name string, value any) { text += fmt.Sprintf("| %s | %v |\n", name, value) }
	line("time", t.Took.Round(time.Second))
	line("channels", t.Rounds)
	line("kills", t.Kills)
	line("of these, receivers", t.ReceiverKills)
	line("stops (SIGSTOP, SIGCONT)", t.Stops)
	line("clean exits of processes", t.Left)
	line("senders attached", t.Attached)
	line("receivers attached", t.Receivers)
	line("messages whose send returned", t.Sent)
	line("messages received", t.Received)
	line("bytes received", t.Bytes)
	line("received from a sender killed before its send returned", t.InHand)
	line("claims of dead senders that were skipped", t.Skipped)
	line("repeated by a durable channel after its receiver's death", t.Repeated)
	line("lost with their receiver, channel not durable", t.Gone)
	line("lost", t.Lost)
	line("duplicates", t.Duplicates)
	line("torn", t.Torn)
	line("violations of any kind", t.Faults)
	line("longest stall of a receiver, no process stopped", time.Duration(t.Stall).Round(time.Microsecond))
	line("longest stall of a receiver while a process was stopped", time.Duration(t.StallStopped).Round(time.Microsecond))
	line("longest wait for room, in ringfuls received meanwhile", fmt.Sprintf("%.2f", t.Waited))
	line("of a wait, sent by senders that came later, except for one message of each", fmt.Sprintf("%.2f", t.Passed))
	return text
}
