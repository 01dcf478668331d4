package measure

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
	"github.com/shmchan/shmchan/internal/process"
)

// Longest is the longest round trip that a histogram can hold.
const Longest = 10 * time.Second

// Trips warms up, and then measures round trips one after another for as long as
// the step says.
func Trips(s worker.Step, trip func() error) (worker.Reply, error) {
	base := time.Now()
	for time.Since(base) < s.Warm {
		if err := trip(); err != nil {
			return worker.Reply{}, err
		}
	}
	h := hdrhistogram.New(1, int64(Longest), 3)
	count := uint64(0)
	began := time.Since(base)
	for end := began + s.For; ; count++ {
		if s.Spec.Rested {
			rest()
		}
		from := time.Since(base)
		if from >= end && count > 0 {
			break
		}
		if err := trip(); err != nil {
			return worker.Reply{}, err
		}
		if err := h.RecordValue(int64(time.Since(base) - from)); err != nil {
			return worker.Reply{}, err
		}
	}
	raw, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	return worker.Reply{Count: count, Took: time.Since(base) - began, Hist: raw}, err
}

// rest gives the other side the time to fall asleep. Falling asleep can take as long
// as a wake: a message that came earlier would find the other side still awake.
func rest() {
	const enough = 30 * time.Microsecond
	for start := time.Now(); time.Since(start) < enough; {
		process.Yield()
	}
}

// Samples is a histogram of times.
type Samples struct{ h *hdrhistogram.Histogram }

// NewSamples returns an empty one.
func NewSamples() Samples { return Samples{hdrhistogram.New(1, int64(10*Longest), 3)} }

// Count returns how many there are, and Max the longest of them.
func (s Samples) Count() int64       { return s.h.TotalCount() }
func (s Samples) Max() time.Duration { return time.Duration(s.h.Max()) }

// Add records a time, clipped to what the histogram can tell apart.
func (s Samples) Add(d time.Duration) { _ = s.h.RecordValue(min(max(int64(d), 1), int64(10*Longest))) }

// Into returns the reply with the histogram and its count added.
func (s Samples) Into(r worker.Reply) (worker.Reply, error) {
	raw, err := s.h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	r.Count, r.Hist = uint64(s.h.TotalCount()), raw
	return r, err
}

// Median returns the median of samples, which must not be empty.
func Median(samples []float64) float64 {
	sorted := slices.Sorted(slices.Values(samples))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
