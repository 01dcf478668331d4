package bench

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/peer"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/reference"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/report"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// Case is one measurement.
type Case struct {
	Name   string // group/what
	About  string
	Unit   string
	oneCPU bool // both processes run on one CPU
	apart  bool // the receiver on one CPU and its senders on another, whatever the settings say
	spec   worker.Spec

	free     bool            // pinned nowhere, whatever the settings say
	least    time.Duration   // the least that a run takes
	most     time.Duration   // the most; 0: as long as the settings say
	warm     time.Duration   // the least that its warm-up takes
	shows    []report.Figure // the figures of a run, if it has more than one
	baseline *worker.Spec    // measured in the same run, by the same processes
	around   bool            // the baseline is measured before and after the case, and their mean counts
}

// Standard reports whether the case runs by default.
func (c Case) Standard() bool { return c.Group() != report.Waiting && c.Group() != report.Gather }

// commands reports whether the case runs verbs of the command, which needs the command
// as its executable.
func (c Case) commands() bool { return c.spec.Kind == kindPipeline || c.spec.Kind == kindStart }

// processes returns how many workers a run needs, for the case and its baseline.
func (c Case) processes() int {
	n := c.spec.Processes()
	if c.baseline != nil {
		n = max(n, c.baseline.Processes())
	}
	return n
}

// Group returns the group with which the case's name begins.
func (c Case) Group() string {
	group, _, _ := strings.Cut(c.Name, "/")
	return group
}

const (
	spinAlong = time.Second
	noSpin    = -1
)

// Cases returns all cases, in the order of the tables.
func Cases() []Case {
	var all []Case
	for _, group := range []struct {
		name, unit string
		cases      []Case
	}{
		{report.Latency, report.Nanoseconds, latencies()},
		{report.Throughput, report.PerSecond, throughputs()},
		{report.Pipeline, report.PerSecond, pipelines()},
		{report.Cost, report.Nanoseconds, costs()},
		{report.Waiting, "", waitings()},
		{report.Gather, "", gathers()},
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
	trip := func(spin time.Duration) worker.Spec {
		return worker.Spec{Kind: kindTrip, Size: measure.RecordBytes, Spin: spin}
	}
	asleep, futex := trip(noSpin), worker.Spec{Kind: kindFutex, Rested: true}
	asleep.Rested = true
	by := func(via string) worker.Spec {
		return worker.Spec{Kind: kindPeerTrip, Via: via, Size: measure.RecordBytes}
	}
	return []Case{
		{Name: "line", About: "a bare cache line, both spinning", spec: worker.Spec{Kind: kindLine}},
		{Name: "spinning", About: "shmchan, both spinning", spec: trip(spinAlong)},
		{Name: "default", About: "shmchan by default, back to back", spec: trip(0)},
		{Name: "futex", About: "a raw futex, both asleep", spec: futex},
		{Name: "asleep", About: "shmchan, neither spins", spec: asleep},
		{Name: peer.Pipe, About: "two FIFOs", spec: by(peer.Pipe)},
		{Name: peer.Unix, About: "a UNIX stream socket", spec: by(peer.Unix)},
		{Name: peer.Seqpacket, About: "a UNIX seqpacket socket", spec: by(peer.Seqpacket)},
		{Name: peer.MQ, About: "two POSIX message queues", spec: by(peer.MQ)},
		{Name: "futex-1cpu", About: "a raw futex, both asleep, on one CPU", oneCPU: true, spec: futex},
		{Name: "asleep-1cpu", About: "shmchan, neither spins, on one CPU", oneCPU: true, spec: asleep},
	}
}

// flood describes a channel under load, with a ring of a mebibyte or of eight messages.
func flood(size, senders int) worker.Spec {
	return worker.Spec{Kind: kindFlood, Size: size, Senders: senders, Capacity: max(reference.RingBytes, 8*size)}
}

func throughputs() []Case {
	ring := func(by int) worker.Spec { return worker.Spec{Kind: kindRing, Size: measure.RecordBytes, Batch: by} }
	batch := func(senders int) worker.Spec {
		s := flood(measure.RecordBytes, senders)
		s.Batch = 16
		return s
	}
	cases := []Case{
		{Name: "ring-64", About: "a minimal ring, one sender, each record published", spec: ring(1)},
		{Name: "ring-64-by32", About: "the same, published by 32", spec: ring(32)},
		{Name: "send-64", About: "Send, Consume", spec: flood(measure.RecordBytes, 1)},
	}
	for senders := 2; senders <= 64; senders *= 2 {
		cases = append(cases, Case{
			Name:  fmt.Sprintf("send-64x%d", senders),
			About: fmt.Sprintf("the same, %d senders", senders),
			spec:  flood(measure.RecordBytes, senders),
		})
	}
	cases = append(cases,
		Case{Name: "batch-64", About: "SendBatch of 16, Consume", spec: batch(1)},
		Case{Name: "batch-64x4", About: "the same, 4 senders", spec: batch(4)})
	for _, size := range report.Sizes[1:] {
		copied, inPlace := flood(size.Bytes, 1), flood(size.Bytes, 1)
		copied.Take, inPlace.InPlace = takeAppend, true
		cases = append(cases,
			Case{Name: "send-" + size.Name, About: "Send, RecvAppend", spec: copied},
			Case{Name: "claim-" + size.Name, About: "Claim, Consume: every byte written and read in place", spec: inPlace})
	}
	return append(cases, peerFloods()...)
}

func peerFloods() []Case {
	var cases []Case
	for _, p := range []struct {
		via, about string
		most       int // bytes a message, by the default limits
	}{
		{peer.Pipe, "a FIFO, a write a message", 1 << 20},
		{peer.Unix, "a UNIX stream socket, a write a message", 1 << 20},
		{peer.Seqpacket, "a UNIX seqpacket socket", 64 << 10},
		{peer.MQ, "a POSIX message queue", 1 << 10},
	} {
		for _, size := range report.Sizes {
			if size.Bytes <= p.most {
				cases = append(cases, Case{Name: p.via + "-" + size.Name, About: p.about,
					spec: worker.Spec{Kind: kindPeerFlood, Via: p.via, Size: size.Bytes}})
			}
		}
	}
	return cases
}

func pipelines() []Case {
	return []Case{
		{Name: "shmchan-100", About: "shmchan send < lines, shmchan recv > /dev/null", spec: worker.Spec{Kind: kindPipeline, Size: lineBytes}},
		{Name: "fifo-100", About: "cat < lines > FIFO, cat < FIFO > /dev/null", spec: worker.Spec{Kind: kindPipeline, Via: peer.Pipe, Size: lineBytes}},
	}
}

func costs() []Case {
	return []Case{
		{Name: "attach", About: "NewSender and Close", spec: worker.Spec{Kind: kindAttach, Size: measure.RecordBytes}},
		{Name: "idle", About: "a blocked receiver and a blocked sender, both", Unit: report.Percent, spec: worker.Spec{Kind: kindIdle, Size: 16 << 10}},
	}
}
