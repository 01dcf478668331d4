package bench

import (
	"fmt"
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/peer"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/reference"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/report"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// A case of waiting takes at least waitingTime, which is enough for many waits, beats
// and turns. In its warm-up rings fill, and whatever was busy comes to rest.
const (
	waitingTime = 2 * time.Second
	waitingWarm = 500 * time.Millisecond
)

// waitings are the cases of waiting: what endpoints get that wait for each other, and
// what their waiting costs. Most figures have a target.
func waitings() []Case {
	var all []Case
	for _, cases := range [][]Case{fairs(), blockeds(), lates(), handOvers(), idles(), goings()} {
		all = append(all, cases...)
	}
	for i := range all {
		c := &all[i]
		c.free, c.least, c.warm = true, max(c.least, waitingTime), waitingWarm
		c.Unit = c.shows[0].Unit
	}
	return all
}

func most(name, unit string, target float64) report.Figure {
	return report.Figure{Name: name, Unit: unit, Most: target}
}

func atMost(name string, d time.Duration) report.Figure {
	return most(name, report.Nanoseconds, float64(d))
}

// byBaseline returns a figure with a target in baselines, an upper bound.
func byBaseline(name, unit string, times float64) report.Figure {
	return report.Figure{Name: name, Unit: unit, Most: times, OfOther: true}
}

func untargeted(name, unit string) report.Figure { return report.Figure{Name: name, Unit: unit} }

// fairs are sends beside senders that never stop. Each must get its room after at most
// a ringful and one message of each other sender.
func fairs() []Case {
	var cases []Case
	waits := func(s worker.Spec) []report.Figure {
		// Head passes the ring itself, the message, and one message of each other sender.
		behind := float64(max(s.Size, 1)*max(s.Batch, 1)+(s.Senders-1)*s.Other) / float64(s.Capacity)
		return []report.Figure{untargeted(figP50, report.Nanoseconds), untargeted(figP99, report.Nanoseconds), untargeted(figMax, report.Nanoseconds),
			most(figRingfuls, report.Ringfuls, 1+behind+0.05)}
	}
	for _, size := range []struct {
		bytes int
		name  string
	}{{512, "512"}, {4 << 10, "4K"}, {32 << 10, "32K"}} {
		s := worker.Spec{Kind: kindFair, Size: size.bytes, Other: measure.RecordBytes, Senders: 2, Capacity: 64 << 10, Every: time.Millisecond}
		cases = append(cases, Case{
			Name: size.name + "-beside-64", spec: s, shows: waits(s),
			About: fmt.Sprintf("the wait of a Send of %s bytes on a ring of 64 KiB, beside a sender of 64 bytes; a message taken every millisecond", size.name),
		})
	}
	for _, n := range []int{4, 250} {
		s := worker.Spec{Kind: kindFair, Size: 1000, Other: 1000, Senders: 3, Batch: n, Capacity: reference.RingBytes, Work: 200 * time.Microsecond}
		cases = append(cases, Case{
			Name: fmt.Sprintf("batch-%d-beside-1000", n), spec: s, shows: waits(s),
			About: fmt.Sprintf("the wait of a SendBatch of %d × 1000 bytes, beside two senders of 1000 bytes; 200 µs of work per message", n),
		})
	}
	s := worker.Spec{Kind: kindBlocked, Size: 1000, Senders: 8, Capacity: 64 << 10, Work: 100 * time.Microsecond}
	return append(cases, Case{Name: "shares-8", spec: s, About: "messages of 8 equal senders, 100 µs of work per message; judge with --duration 10s",
		least: 3 * time.Second, shows: []report.Figure{most(figSpread, report.Times, 1.15)}})
}

// blockeds are many processes that wait for room in one ring.
func blockeds() []Case {
	blocked := func(senders int, every, timeout time.Duration) worker.Spec {
		return worker.Spec{Kind: kindBlocked, Size: 1000, Senders: senders, Capacity: 64 << 10, Every: every, Timeout: timeout}
	}
	slow, paced, timeouts := blocked(64, 50*time.Millisecond, 0), blocked(100, 10*time.Millisecond, 0), blocked(64, 0, 100*time.Millisecond)
	pipe := paced
	pipe.Kind, pipe.Via = kindBlockedPipe, peer.Pipe
	return []Case{
		{Name: "blocked-64", spec: slow, About: "64 processes blocked on a full ring, a message taken 20 times a second",
			shows: []report.Figure{most(figSenders, report.Percent, 3), untargeted(figWakes, report.Number)}},
		{Name: "blocked-100", spec: paced, baseline: &pipe, About: "100 processes blocked on a full ring, 1000 bytes taken every 10 ms; baseline: 100 dd on a pipe",
			shows: []report.Figure{byBaseline(figSenders, report.Percent, 5), untargeted(figWakes, report.Number)}},
		{Name: "timeouts-64", spec: timeouts, About: "64 processes blocked on a full ring, each Send with a timeout of 100 ms, repeatedly; nothing is taken",
			shows: []report.Figure{most(figSenders, report.Percent, 15)}},
	}
}

// lates are receives with a deadline.
func lates() []Case {
	var cases []Case
	for _, procs := range []int{1, 2} {
		cases = append(cases, Case{
			Name: fmt.Sprintf("deadline-p%d", procs), About: fmt.Sprintf("how late a Recv with a deadline of 1 ms returns, GOMAXPROCS=%d", procs),
			spec:  worker.Spec{Kind: kindDeadline, Timeout: time.Millisecond, Procs: procs},
			shows: []report.Figure{untargeted(figP50, report.Nanoseconds), atMost(figP90, 300*time.Microsecond), most(figCPU, report.Percent, 8)},
		})
	}
	return cases
}

// handOvers are round trips of Go programs in which more than one goroutine wants the
// processor.
func handOvers() []Case {
	var cases []Case
	for _, procs := range []int{2, 1} {
		for _, both := range []bool{false, true} {
			name, who := "answers", "the answering process"
			if both {
				name, who = "both", "both processes"
			}
			s := worker.Spec{Kind: kindHandOn, Size: measure.RecordBytes, Procs: procs, Both: both}
			socket := s
			socket.Via = peer.Unix
			target := map[int]time.Duration{1: 5 * time.Microsecond, 2: 3 * time.Microsecond}[procs]
			cases = append(cases, Case{
				Name: fmt.Sprintf("hand-on-%s-p%d", name, procs), spec: s, baseline: &socket,
				About: fmt.Sprintf("a round trip of 64 bytes, in which a goroutine of %s receives and forwards through a Go channel, GOMAXPROCS=%d; baseline: a UNIX socket", who, procs),
				shows: []report.Figure{atMost(figP50, target), untargeted(figP90, report.Nanoseconds)},
			})
		}
	}
	for _, procs := range []int{1, 2, 4} {
		s := worker.Spec{Kind: kindInside, Size: measure.RecordBytes, Procs: procs}
		channel := s
		channel.Via = viaChan
		cases = append(cases, Case{
			Name: fmt.Sprintf("inside-p%d", procs), spec: s, baseline: &channel,
			About: fmt.Sprintf("a round trip of 64 bytes between two goroutines of one process, GOMAXPROCS=%d; baseline: Go channels of []byte", procs),
			shows: []report.Figure{byBaseline(figP50, report.Nanoseconds, 20), byBaseline(figP90, report.Nanoseconds, 20)},
		})
	}
	asleep := worker.Spec{Kind: kindTrip, Size: measure.RecordBytes, Spin: noSpin, Rested: true}
	return append(cases, Case{
		Name: "asleep-1cpu", oneCPU: true, spec: asleep, baseline: &worker.Spec{Kind: kindFutex, Rested: true},
		About: "one way, neither endpoint spins, on one CPU; baseline: a bare futex",
		shows: []report.Figure{byBaseline(figP50, report.Nanoseconds, 1.3), untargeted(figP90, report.Nanoseconds)},
	})
}

// idles are endpoints that wait while nothing happens.
func idles() []Case {
	var cases []Case
	for _, many := range []struct {
		ends int
		cpu  float64
	}{{1, 0.2}, {200, 0.3}, {500, 0.5}, {4000, 2}} {
		cases = append(cases, Case{
			Name: fmt.Sprintf("idle-%d", many.ends), About: fmt.Sprintf("%d waiting receivers in one process", many.ends),
			spec:  worker.Spec{Kind: kindMany, Endpoints: many.ends, Capacity: 4 << 10},
			shows: []report.Figure{most(figCPU, report.Percent, many.cpu), most(figWakesS, report.PerSecond, 10.5)},
		})
	}
	return append(cases,
		Case{Name: "senders-4096", About: "4096 idle senders in 4 processes, joined by a receiver; CPU of the busiest sending process",
			spec: worker.Spec{Kind: kindHosts, Senders: 4, Endpoints: 1024},
			shows: []report.Figure{most(figSenders, report.Percent, 3), most(figReceiver, report.Percent, 3),
				{Name: figAlive, Unit: report.Number, Least: 4096}}},
		Case{Name: "beat-1ms", About: "256 idle senders in one process, a receiver that beats every millisecond",
			spec:  worker.Spec{Kind: kindHosts, Senders: 1, Endpoints: 256, Beat: time.Millisecond},
			shows: []report.Figure{most(figReceiver, report.Percent, 2), untargeted(figSenders, report.Percent), {Name: figAlive, Unit: report.Number, Least: 256}}},
		Case{Name: "descriptors", About: "of the receiver's process, with 1000 senders in another",
			spec:  worker.Spec{Kind: kindHosts, Senders: 1, Endpoints: 1000},
			shows: []report.Figure{most(figFDs, report.Number, 10)}})
}

// goings are endpoints that must notice the end of another, of a file or of a context.
func goings() []Case {
	done := worker.Spec{Kind: kindDone}
	blocked, cut, whole := done, worker.Spec{Kind: kindCut, Damaged: true}, worker.Spec{Kind: kindCut}
	blocked.Blocked = true
	return []Case{
		{Name: "done", spec: done, baseline: &blocked, About: "from killing the receiver until Sender.Done is closed; baseline: until a blocked Send returns",
			shows: []report.Figure{atMost(figP50, 2*time.Millisecond), untargeted(figP90, report.Nanoseconds)}},
		{Name: "truncated", spec: cut, baseline: &whole, About: "until Close or the context wakes a sleeper on a truncated file; baseline: an intact file",
			shows: []report.Figure{{Name: figP50, Unit: report.Nanoseconds, Most: 2, OfOther: true, NotUnder: float64(200 * time.Microsecond)},
				{Name: figP99, Unit: report.Nanoseconds, Most: 2, OfOther: true, NotUnder: float64(2 * time.Millisecond)}}},
	}
}
