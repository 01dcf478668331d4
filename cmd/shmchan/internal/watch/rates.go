package watch

import (
	"time"

	"github.com/shmchan/shmchan/ipc"
)

// perSecond returns the rate of a counter that went from a to b. Counters only grow; if one
// shrank, another process has tampered with it, and its rate is 0.
func perSecond(a, b uint64, span time.Duration) float64 {
	if b <= a || span <= 0 {
		return 0
	}
	return float64(b-a) / span.Seconds()
}

// between returns the rates of a channel between two samples.
func between(a, b *ipc.Stats, span time.Duration) Rates {
	return Rates{
		Messages: perSecond(a.Messages, b.Messages, span),
		Bytes:    perSecond(a.Bytes, b.Bytes, span),
		Received: perSecond(a.Received, b.Received, span),
	}
}

// endRates returns the rates of an endpoint. If its slot has a new owner, all that the
// owner did happened since the previous sample.
func endRates(a, b *ipc.End, span time.Duration) Rates {
	if a == nil || a.PID != b.PID || a.Messages > b.Messages {
		a = &ipc.End{}
	}
	return Rates{
		Messages: perSecond(a.Messages, b.Messages, span),
		Bytes:    perSecond(a.Bytes, b.Bytes, span),
	}
}
