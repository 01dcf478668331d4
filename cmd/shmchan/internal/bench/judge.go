package bench

import (
	"fmt"
	"slices"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// The names of figures.
const (
	figP50      = "p50"
	figP90      = "p90"
	figP99      = "p99"
	figMax      = "max"
	figRingfuls = "ringfuls, max"
	figCPU      = "CPU"
	figSenders  = "CPU, senders"
	figReceiver = "CPU, receiver"
	figWakes    = "wakes a message"
	figWakesS   = "wakes"
	figSpread   = "most by least"
	figAlive    = "shown alive"
	figFDs      = "descriptors"
	figRate     = "messages"
	figBytes    = "bytes"
	figEach     = "a message"
	figAllocs   = "allocations a message"
	figOutput   = "bytes of output"
	figTime     = "processor time"
)

// figures returns the figures of a case from the answers of its processes, by its kind.
func figures(s worker.Spec, answers []worker.Reply) (map[string]float64, error) {
	judge, ok := judges[s.Kind]
	if !ok {
		return nil, fmt.Errorf("kind %q has no figures", s.Kind)
	}
	found := map[string]float64{}
	for _, r := range answers {
		for name, v := range r.Figures {
			found[name] = max(found[name], v)
		}
	}
	err := judge(found, answers)
	if rate, ok := found[figRate]; ok {
		found[figBytes] = rate * float64(s.Size)
		if each, ok := found[figOutput]; ok {
			found[figOutput] = rate * each
		}
	}
	return found, err
}

// judges add to the figures that the answers contain.
var judges = map[string]func(found map[string]float64, answers []worker.Reply) error{
	kindTrip: func(found map[string]float64, all []worker.Reply) error {
		return quantiles(found, all[worker.Receiving], 0.5)
	},
	kindFutex: func(found map[string]float64, all []worker.Reply) error {
		return quantiles(found, all[worker.Receiving], 0.5)
	},
	kindFair:        judgeFair,
	kindBlocked:     judgeBlocked,
	kindBlockedPipe: judgeBlocked,
	kindDeadline:    judgeReceiver,
	kindHandOn:      judgeReceiver,
	kindInside:      judgeReceiver,
	kindMany:        judgeMany,
	kindHosts:       judgeHosts,
	kindDone:        judgeReceiver,
	kindCut:         judgeReceiver,
	kindFlood:       judgeRate,
	kindRing:        judgeRate,
	kindInTurns:     judgeRate,
	kindClaims:      judgeRate,
	kindPlain:       judgeRate,
	kindPipeline:    judgeRate,
	kindStart:       func(map[string]float64, []worker.Reply) error { return nil }, // its answer contains all
}

// judgeRate adds the rate at which the receiver took messages, and the time of one.
func judgeRate(found map[string]float64, all []worker.Reply) error {
	found[figRate] = all[worker.Receiving].Rate()
	if n := all[worker.Receiving].Count; n > 0 {
		found[figEach] = float64(all[worker.Receiving].Took) / float64(n)
	}
	return nil
}

// judgeFair adds the waits of the sender that is measured.
func judgeFair(found map[string]float64, all []worker.Reply) error {
	return quantiles(found, all[worker.Sending], 1)
}

// judgeReceiver adds what the receiving process measured and used.
func judgeReceiver(found map[string]float64, all []worker.Reply) error {
	r := all[worker.Receiving]
	found[figCPU] = share(r)
	return quantiles(found, r, 1)
}

// judgeMany adds the wakes that the onlooker counted.
func judgeMany(found map[string]float64, all []worker.Reply) error {
	found[figCPU] = share(all[worker.Receiving])
	found[figWakesS] = float64(all[worker.Sending].Wakes) / all[worker.Sending].Took.Seconds()
	return nil
}

// judgeBlocked adds what all senders together used.
func judgeBlocked(found map[string]float64, all []worker.Reply) error {
	wakes := uint64(0)
	for _, r := range all[worker.Sending:] {
		found[figSenders] += share(r)
		wakes += r.Wakes
	}
	found[figWakes] = float64(wakes) / float64(max(all[worker.Receiving].Count, 1))
	if counts := all[worker.Receiving].Counts; len(counts) > 0 {
		found[figSpread] = float64(slices.Max(counts)) / float64(max(slices.Min(counts), 1))
	}
	return nil
}

// judgeHosts adds what the busiest process of senders used.
func judgeHosts(found map[string]float64, all []worker.Reply) error {
	found[figReceiver] = share(all[worker.Receiving])
	for _, r := range all[worker.Sending:] {
		found[figSenders] = max(found[figSenders], share(r))
	}
	return nil
}

// share returns the percentage of one processor that a process used.
func share(r worker.Reply) float64 {
	if r.Took <= 0 {
		return 0
	}
	return 100 * float64(r.CPU) / float64(r.Took)
}

// quantiles adds those of a histogram, if there is one, multiplied by part: 0.5 turns
// round trips into single ways.
func quantiles(found map[string]float64, r worker.Reply, part float64) error {
	if r.Hist == nil {
		return nil
	}
	h, err := hdrhistogram.Decode(r.Hist)
	if err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	found[figP50] = part * float64(h.ValueAtQuantile(50))
	found[figP90] = part * float64(h.ValueAtQuantile(90))
	found[figP99] = part * float64(h.ValueAtQuantile(99))
	found[figMax] = part * float64(h.Max())
	return nil
}
