package watch

import (
	"time"

	"github.com/shmchan/shmchan/ipc"
)

// perSecond is the rate of a counter that went from a to b. Counters only grow: one
// that shrank was read while somebody tampered with it, and tells nothing.
func perSecond(a, b uint64, span time.Duration) float64 {
	if b <= a || span <= 0 {
		return 0
	}
	return float64(b-a) / span.Seconds()
}

// between are the rates of a channel from one sample to the next.
func between(a, b *ipc.Stats, span time.Duration) Rates {
	return Rates{
		Messages: perSecond(a.Messages, b.Messages, span),
		Bytes:    perSecond(a.Bytes, b.Bytes, span),
		Received: perSecond(a.Received, b.Received, span),
	}
}

// endRates are the rates of an end. If a slot changed hands, what its new owner did
// was done since the sample before.
func endRates(a, b *ipc.End, span time.Duration) Rates {
	if a == nil || a.PID != b.PID || a.Messages > b.Messages {
		a = &ipc.End{}
	}
	return Rates{
		Messages: perSecond(a.Messages, b.Messages, span),
		Bytes:    perSecond(a.Bytes, b.Bytes, span),
	}
}
