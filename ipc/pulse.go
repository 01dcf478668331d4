package ipc

import (
	"sync"
	"time"

	"github.com/shmchan/shmchan/internal/process"
)

// pulse is the process's one ticking goroutine: it beats for every end and does
// their housekeeping. It exists while there are ends.
//
// Ends of the same interval tick at the same times, so that a process wakes once for
// all of them. It sleeps on a timer: on a futex a wake costs half the processor time,
// but a goroutine in a system call keeps its P until sysmon takes it away, up to 10 ms
// in which nobody else may have it.
type pulse struct {
	mu      sync.Mutex
	ends    map[ticker]*schedule
	running bool
	began   time.Time     // the times of ticks are multiples of intervals after it
	changed chan struct{} // an end came or went
}

// ticker is an end. tick gets the monotonic clock in nanoseconds, runs with the
// pulse's lock held, and so must not block nor attach or close ends.
type ticker interface{ tick(now int64) }

type schedule struct {
	every time.Duration
	due   time.Time
}

var heart = pulse{ends: map[ticker]*schedule{}, began: time.Now(), changed: make(chan struct{}, 1)}

// next is the first time to tick after now.
func (p *pulse) next(now time.Time, every time.Duration) time.Time {
	return now.Add(every - now.Sub(p.began)%every)
}

// add makes the end tick from now on.
func (p *pulse) add(t ticker, every time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ends[t] = &schedule{every, p.next(time.Now(), every)}
	if !p.running {
		p.running = true
		go p.run()
		return
	}
	p.notify()
}

// remove ends the ticking: once it has returned, tick is not running.
func (p *pulse) remove(t ticker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.ends, t)
	if len(p.ends) == 0 {
		p.notify()
	}
}

func (p *pulse) notify() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

func (p *pulse) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		next, ok := p.beat()
		if !ok {
			return
		}
		timer.Reset(time.Until(next))
		select {
		case <-timer.C:
		case <-p.changed:
		}
	}
}

// beat ticks whoever is due and returns when the next one is; false ends the run.
func (p *pulse) beat() (next time.Time, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.ends) == 0 {
		p.running = false
		return next, false
	}
	now, clock := time.Now(), process.Monotonic()
	for t, s := range p.ends {
		if !s.due.After(now) {
			t.tick(clock)
			s.due = p.next(now, s.every)
		}
		if next.IsZero() || s.due.Before(next) {
			next = s.due
		}
	}
	return next, true
}
