package bench

import (
	"fmt"
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/report"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// larges are messages of every power of two from 128 bytes to a mebibyte, copied and
// in place, through those rings of 1, 8 and 64 MiB that at least eight of them fit.
func larges() []Case {
	var cases []Case
	for _, inPlace := range []bool{false, true} {
		how, about := "copied", "Send, RecvAppend, both edges checked; baseline: a plain ring, copied in and out"
		if inPlace {
			how, about = "in-place", "Claim, Consume, every byte written and read in place; baseline: the same in a plain ring"
		}
		for _, capacity := range []int{1 << 20, 8 << 20, 64 << 20} {
			for size := 128; size <= min(1<<20, capacity/8); size *= 2 {
				s := worker.Spec{Kind: kindFlood, Size: size, Capacity: capacity, InPlace: inPlace}
				if !inPlace {
					s.Take = takeAppend
				}
				plain := s
				plain.Kind = kindPlain
				cases = append(cases, Case{
					Name: fmt.Sprintf("%s-%s-in-%s", how, short(size), short(capacity)), About: about,
					apart: true, spec: s, baseline: &plain, shows: []report.Figure{atLeast(figBytes, report.BytesPerSec, 0.95)},
				})
			}
		}
	}
	return cases
}

// short returns a number of bytes as it stands in a name.
func short(n int) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprint(n>>20, "M")
	case n >= 1<<10:
		return fmt.Sprint(n>>10, "K")
	}
	return fmt.Sprint(n)
}

// crowdTime is long enough for each of 64 senders to run several times on the
// processor that they share.
const crowdTime = 600 * time.Millisecond

// crowds are many senders compared with one, and two processes that sleep on one
// processor compared with a bare futex.
func crowds() []Case {
	one := flood(measure.RecordBytes, 1)
	futex := worker.Spec{Kind: kindFutex, Rested: true}
	return []Case{
		{Name: "send-64-of-64", About: "Send, Consume, 64 senders on one processor; baseline: one sender", apart: true, least: crowdTime, warm: crowdTime / 2,
			spec: flood(measure.RecordBytes, 64), baseline: &one, shows: []report.Figure{atLeast(figRate, report.PerSecond, 0.75)}},
		{Name: "asleep-1cpu", About: "one way, neither endpoint spins, on one CPU; baseline: a bare futex", oneCPU: true,
			spec: worker.Spec{Kind: kindTrip, Size: measure.RecordBytes, Spin: noSpin, Rested: true}, baseline: &futex,
			shows: []report.Figure{byBaseline(figP50, report.Nanoseconds, 1.3)}},
	}
}
