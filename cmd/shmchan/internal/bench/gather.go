package bench

import (
	"fmt"
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/report"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// The cases of gathering use a channel for its throughput: in batches, in large
// messages, and through commands. Each has a baseline, which the same processes measure
// directly before and after it, and a target in baselines: when the speed of the
// machine drifts, both drift.

// gatherMost bounds how long a run of one of these many cases takes.
const gatherMost = 200 * time.Millisecond

func gathers() []Case {
	var all []Case
	for _, cases := range [][]Case{batches(), batchSizes(), takes(), insides(), larges(), crowds(), gatherPipelines(), starts()} {
		all = append(all, cases...)
	}
	for i := range all {
		c := &all[i]
		c.most, c.around = max(c.least, gatherMost), c.baseline != nil
		c.Unit = c.shows[0].Unit
	}
	return all
}

// atLeast returns a figure with a target in baselines, a lower bound.
func atLeast(name, unit string, times float64) report.Figure {
	return report.Figure{Name: name, Unit: unit, Least: times, OfOther: true}
}

// cRing describes the ring with which batches are compared: the minimal one, which
// publishes 32 records by one store.
func cRing(size int) *worker.Spec { return &worker.Spec{Kind: kindRing, Size: size, Batch: 32} }

// batched describes a channel under load, in batches.
func batched(size, batch, senders int, take string) worker.Spec {
	s := flood(size, senders)
	s.Batch, s.Take = batch, take
	return s
}

func batches() []Case {
	claims := func(senders int) *worker.Spec {
		return &worker.Spec{Kind: kindClaims, Size: measure.RecordBytes, Batch: 16, Senders: senders}
	}
	const by, beside = "SendBatch of 16, Consume; baseline: a ring published by 32", "SendBatch of 16, Consume; baseline: a ring whose senders claim 16 records by a compare-and-swap"
	batch := func(senders int) worker.Spec { return batched(measure.RecordBytes, 16, senders, "") }
	return []Case{
		{Name: "batch-16x64", About: by, apart: true, spec: batch(1), baseline: cRing(measure.RecordBytes), shows: []report.Figure{atLeast(figRate, report.PerSecond, 0.8)}},
		{Name: "batch-16x64-of-4", About: "the same, 4 senders", apart: true, spec: batch(4), baseline: cRing(measure.RecordBytes), shows: []report.Figure{atLeast(figRate, report.PerSecond, 0.5)}},
		{Name: "batch-16x64-claims", About: beside, apart: true, spec: batch(1), baseline: claims(1), shows: []report.Figure{untargeted(figRate, report.PerSecond)}},
		{Name: "batch-16x64-claims-of-4", About: "the same, 4 senders", apart: true, spec: batch(4), baseline: claims(4), shows: []report.Figure{untargeted(figRate, report.PerSecond)}},
	}
}

// batchSizes are batches by the size and the number of messages.
func batchSizes() []Case {
	var cases []Case
	for _, size := range []int{16, 32, 64, 128, 256} {
		for _, n := range []int{4, 16, 64, 256} {
			if size == measure.RecordBytes && n == 16 {
				continue // see batches
			}
			cases = append(cases, Case{
				Name: fmt.Sprintf("batch-%dx%d", n, size), apart: true, spec: batched(size, n, 1, ""), baseline: cRing(size),
				About: fmt.Sprintf("SendBatch of %d × %d bytes, Consume; baseline: a ring published by 32", n, size),
				shows: []report.Figure{atLeast(figRate, report.PerSecond, 0.7)},
			})
		}
	}
	return cases
}

// takes are batches received in ways other than Consume.
func takes() []Case {
	take := func(name, about string, s worker.Spec, baseline *worker.Spec, shows ...report.Figure) Case {
		return Case{Name: name, About: about, apart: true, spec: s, baseline: baseline, shows: shows}
	}
	cases := []Case{
		take("append-16x64", "SendBatch of 16, RecvAppend one by one; baseline: a ring published by 32",
			batched(measure.RecordBytes, 16, 1, takeAppend), cRing(measure.RecordBytes), atLeast(figRate, report.PerSecond, 0.5)),
		take("next-16x64", "SendBatch of 16, TryNext and Release one by one; baseline: a ring published by 32",
			batched(measure.RecordBytes, 16, 1, takeNext), cRing(measure.RecordBytes), atLeast(figRate, report.PerSecond, 0.5)),
	}
	const noWorse = 1 / 1.3
	for _, by := range []struct {
		name, about string
		batch       int
	}{{"64", "Send", 0}, {"16x64", "SendBatch of 16", 16}} {
		appends := batched(measure.RecordBytes, by.batch, 1, takeAppend)
		for _, way := range []struct{ take, about string }{{takeRecv, "Recv in a loop"}, {takeAll, "All"}} {
			cases = append(cases, take(way.take+"-"+by.name, by.about+", "+way.about+"; baseline: RecvAppend",
				batched(measure.RecordBytes, by.batch, 1, way.take), &appends,
				atLeast(figRate, report.PerSecond, noWorse), most(figAllocs, report.Number, 1.05)))
		}
	}
	return cases
}
