package bench

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// The groups of cases, as their names begin.
const (
	Latency    = "latency"    // one way: half of a round trip
	Throughput = "throughput" // messages a second that one receiver took and checked
	Pipeline   = "pipeline"   // lines a second through commands, from start to end
	Cost       = "cost"       // what an end costs that sends nothing
	Waiting    = "waiting"    // what ends that wait get, and cost, beside their targets
	Gather     = "gather"     // batches, large messages and commands, each by what a C program does in the same run
)

// The units of figures.
const (
	Nanoseconds = "ns"
	PerSecond   = "1/s"
	BytesPerSec = "B/s"
	Percent     = "%"        // of one processor
	Ringfuls    = "ringfuls" // bytes that head moved, by the ring's capacity
	Times       = "×"
	Number      = "#"
)

// Case is one measurement.
type Case struct {
	Name   string // group/what
	About  string
	Unit   string
	oneCPU bool // both processes on one CPU
	apart  bool // the receiver on one CPU and its senders on another, whatever the settings say
	spec   spec

	free     bool          // pinned nowhere, whatever the settings say
	least    time.Duration // the least that a run takes
	most     time.Duration // the most; 0: as long as the settings say
	warm     time.Duration // the least that its warm-up takes
	shows    []Figure      // what a run says, where that is more than one figure
	baseline *spec         // is measured in the same run, by the same processes
	around   bool          // the baseline is measured before and after the case, and their mean counts
}

// Standard reports whether the case is one of those that run unless others are named.
func (c Case) Standard() bool { return c.Group() != Waiting && c.Group() != Gather }

// commands reports whether the case runs commands, which only the command can.
func (c Case) commands() bool { return c.spec.Kind == kindPipeline || c.spec.Kind == kindStart }

// processes is how many a run needs, for the case and its baseline.
func (c Case) processes() int {
	n := c.spec.processes()
	if c.baseline != nil {
		n = max(n, c.baseline.processes())
	}
	return n
}

// Group is what the case's name begins with.
func (c Case) Group() string {
	group, _, _ := strings.Cut(c.Name, "/")
	return group
}

const (
	spinAlong = time.Second
	noSpin    = -1
)

// Cases returns all there are, in the order of the tables.
func Cases() []Case {
	var all []Case
	for _, group := range []struct {
		name, unit string
		cases      []Case
	}{
		{Latency, Nanoseconds, latencies()},
		{Throughput, PerSecond, throughputs()},
		{Pipeline, PerSecond, pipelines()},
		{Cost, Nanoseconds, costs()},
		{Waiting, "", waitings()},
		{Gather, "", gathers()},
	} {
		for _, c := range group.cases {
			c.Name = group.name + "/" + c.Name
			if c.Unit == "" {
				c.Unit = group.unit
			}
			all = append(all, c)
		}
	}
	return all
}

// Select returns the cases whose names match.
func Select(cases []Case, re *regexp.Regexp) []Case {
	var picked []Case
	for _, c := range cases {
		if re.MatchString(c.Name) {
			picked = append(picked, c)
		}
	}
	return picked
}

func latencies() []Case {
	trip := func(spin time.Duration) spec { return spec{Kind: kindTrip, Size: recordBytes, Spin: spin} }
	asleep, futex := trip(noSpin), spec{Kind: kindFutex, Rested: true}
	asleep.Rested = true
	peer := func(via string) spec { return spec{Kind: kindPeerTrip, Via: via, Size: recordBytes} }
	return []Case{
		{Name: "line", About: "a bare cache line, both spinning", spec: spec{Kind: kindLine}},
		{Name: "spinning", About: "shmchan, both spinning", spec: trip(spinAlong)},
		{Name: "default", About: "shmchan as it comes, back to back", spec: trip(0)},
		{Name: "futex", About: "a raw futex, both asleep", spec: futex},
		{Name: "asleep", About: "shmchan, neither spins", spec: asleep},
		{Name: viaPipe, About: "two FIFOs", spec: peer(viaPipe)},
		{Name: viaUnix, About: "a UNIX stream socket", spec: peer(viaUnix)},
		{Name: viaSeqpacket, About: "a UNIX seqpacket socket", spec: peer(viaSeqpacket)},
		{Name: viaMq, About: "two POSIX message queues", spec: peer(viaMq)},
		{Name: "futex-1cpu", About: "a raw futex, both asleep, on one CPU", oneCPU: true, spec: futex},
		{Name: "asleep-1cpu", About: "shmchan, neither spins, on one CPU", oneCPU: true, spec: asleep},
	}
}

// flood is a channel under load; a ring of a mebibyte, or of eight messages.
func flood(size, senders int) spec {
	return spec{Kind: kindFlood, Size: size, Senders: senders, Capacity: max(ringBytes, 8*size)}
}

// sizes are those of messages, with their names.
var sizes = []struct {
	bytes int
	name  string
}{{64, "64"}, {1 << 10, "1K"}, {64 << 10, "64K"}, {1 << 20, "1M"}}

func throughputs() []Case {
	ring := func(by int) spec { return spec{Kind: kindRing, Size: recordBytes, Batch: by} }
	batch := func(senders int) spec {
		s := flood(recordBytes, senders)
		s.Batch = 16
		return s
	}
	cases := []Case{
		{Name: "ring-64", About: "a minimal ring, one sender, each record published", spec: ring(1)},
		{Name: "ring-64-by32", About: "the same, published by 32", spec: ring(32)},
		{Name: "send-64", About: "Send, Consume", spec: flood(recordBytes, 1)},
	}
	for senders := 2; senders <= 64; senders *= 2 {
		cases = append(cases, Case{
			Name:  fmt.Sprintf("send-64x%d", senders),
			About: fmt.Sprintf("the same, %d senders", senders),
			spec:  flood(recordBytes, senders),
		})
	}
	cases = append(cases,
		Case{Name: "batch-64", About: "SendBatch of 16, Consume", spec: batch(1)},
		Case{Name: "batch-64x4", About: "the same, 4 senders", spec: batch(4)})
	for _, size := range sizes[1:] {
		copied, inPlace := flood(size.bytes, 1), flood(size.bytes, 1)
		copied.Take, inPlace.InPlace = takeAppend, true
		cases = append(cases,
			Case{Name: "send-" + size.name, About: "Send, RecvAppend", spec: copied},
			Case{Name: "claim-" + size.name, About: "Claim, Consume: every byte written and read in place", spec: inPlace})
	}
	return append(cases, peerFloods()...)
}

func peerFloods() []Case {
	var cases []Case
	for _, peer := range []struct {
		via, about string
		most       int // bytes a message, with the limits that a user finds
	}{
		{viaPipe, "a FIFO, a write a message", 1 << 20},
		{viaUnix, "a UNIX stream socket, a write a message", 1 << 20},
		{viaSeqpacket, "a UNIX seqpacket socket", 64 << 10},
		{viaMq, "a POSIX message queue", 1 << 10},
	} {
		for _, size := range sizes {
			if size.bytes <= peer.most {
				cases = append(cases, Case{Name: peer.via + "-" + size.name, About: peer.about,
					spec: spec{Kind: kindPeerFlood, Via: peer.via, Size: size.bytes}})
			}
		}
	}
	return cases
}

func pipelines() []Case {
	return []Case{
		{Name: "shmchan-100", About: "shmchan send < lines, shmchan recv > /dev/null", spec: spec{Kind: kindPipeline, Size: lineBytes}},
		{Name: "fifo-100", About: "cat < lines > FIFO, cat < FIFO > /dev/null", spec: spec{Kind: kindPipeline, Via: viaPipe, Size: lineBytes}},
	}
}

func costs() []Case {
	return []Case{
		{Name: "attach", About: "NewSender and Close", spec: spec{Kind: kindAttach, Size: recordBytes}},
		{Name: "idle", About: "a blocked receiver and a blocked sender, both", Unit: Percent, spec: spec{Kind: kindIdle, Size: 16 << 10}},
	}
}
