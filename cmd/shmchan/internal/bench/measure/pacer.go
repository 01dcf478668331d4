package measure

import (
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// Pacer limits how fast a receiver takes messages: one each time that an interval has
// passed, or one after each piece of work.
type Pacer struct {
	every, work time.Duration
	next        time.Time
}

// NewPacer returns the pacer that a spec asks for.
func NewPacer(s worker.Spec) *Pacer { return &Pacer{every: s.Every, work: s.Work, next: time.Now()} }

// Pause waits until the next message may be taken.
func (p *Pacer) Pause() {
	if p.every > 0 {
		p.next = p.next.Add(p.every)
		time.Sleep(time.Until(p.next))
		if now := time.Now(); now.After(p.next) { // too late: the delay is not made up for
			p.next = now
		}
	}
	for start := time.Now(); time.Since(start) < p.work; {
	}
}
