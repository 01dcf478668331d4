package ipc

import (
	"time"

	"github.com/shmchan/shmchan/internal/cpu"
)

// pacer makes a receiver that keeps up with busy senders fall back now and then.
//
// Whoever looks for the next record again and again while a sender writes it takes
// its cache line away from the sender, once or twice a message, and a message then
// costs what these crossings cost: several times what it costs when the two work on
// different lines. So a receiver that finds nothing had better not look for a
// while, if what it waits for is one of many records. If it is the only one, an
// answer for example, it had better look at once.
//
// Which of them it is, no single wait can tell, so both ways are tried, and the one
// that took more records a second is kept:
//
//	free    looks at once. After some waits, and then rarely: measure, then trial
//	trial   pauses before it looks. Not clearly faster than free, or next to nothing
//	        came in several pauses in a row: free, and longer until the next trial
//	paced   the same, until next to nothing comes, or for so long that it is time to
//	        measure anew
//
// It belongs to the receiving goroutine.
type pacer struct {
	state   paceState
	left    int    // waits that are left of the state, or until its next measurement
	rest    int    // waits between trials
	on      int    // waits until pauses are compared again
	few     int    // pauses in a row in which next to nothing came
	records uint64 // taken as of the last wait
	begun   uint64 // records when the measurement began
	at      time.Time
	free    float64 // records a second without pauses
	pauses  uint32  // one gap; 0: not known yet
}

type paceState uint8

const (
	paceFree paceState = iota
	paceMeasure
	paceTrial
	paceOn
)

const (
	// paceGap is long enough for dozens of small messages, and short enough that it
	// does not count where so many are on their way.
	paceGap = 3 * time.Microsecond
	// paceWindow is how many waits a measurement takes.
	paceWindow = 16
	// Waits from one trial to the next, doubled whenever one was in vain: in the end
	// it costs answers, which never gain, one wait in a thousand.
	leastRest, mostRest = 256, 1 << 14
	// Waits until pauses are compared again, doubled whenever they won: a break during
	// the measurement without them makes them win that do not pay.
	leastOn, mostOn = 64, 1 << 12
	// A pause that brings no more than paceFew, paceFew times in a row, is in vain.
	paceFew = 3
	// paceGain is how much faster it must be with pauses.
	paceGain = 1.15
)

// gap is called before each wait, with how many records were taken so far, and tells
// how many pauses to make before looking.
func (p *pacer) gap(records uint64) uint32 {
	run := records - p.records
	p.records = records
	switch p.state {
	case paceFree:
		if p.rest == 0 { // new
			p.rest, p.left = leastRest, leastRest
		}
		if p.left--; p.left <= 0 {
			p.measure(paceMeasure)
		}
		return 0
	case paceMeasure:
		if p.left--; p.left <= 0 {
			p.free = p.rate()
			p.measure(paceTrial)
			return p.pauses
		}
		return 0
	}
	if p.few++; run > paceFew {
		p.few = 0
	}
	switch p.left--; {
	case p.few >= paceFew:
		return p.give()
	case p.left > 0:
	case p.state == paceOn:
		p.measure(paceMeasure)
		return 0
	case p.rate() < paceGain*p.free:
		return p.give()
	default:
		p.on = min(max(2*p.on, leastOn), mostOn)
		p.state, p.left, p.rest = paceOn, p.on, leastRest
	}
	return p.pauses
}

// measure begins a state that ends with a look at the rate.
func (p *pacer) measure(s paceState) {
	if p.pauses == 0 {
		p.pauses = max(cpu.Pauses(paceGap), 1)
	}
	p.state, p.left, p.few = s, paceWindow, 0
	p.begun, p.at = p.records, time.Now()
}

// rate is of the records since then, a second.
func (p *pacer) rate() float64 {
	return float64(p.records-p.begun) / max(time.Since(p.at).Seconds(), 1e-9)
}

// give gives the pauses up for a while.
func (p *pacer) give() uint32 {
	p.rest = min(max(2*p.rest, leastRest), mostRest)
	p.state, p.left, p.on = paceFree, p.rest, 0
	return 0
}
