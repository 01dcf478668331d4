package ipc

import (
	"time"

	"github.com/shmchan/shmchan/internal/cpu"
)

// pacer makes a receiver that keeps up with busy senders pause from time to time.
//
// Polling the next record while a sender writes it steals the cache line from that
// sender, once or twice a message. The message then costs as much as those
// transfers, several times what it costs if the two work on different lines. So a
// receiver that finds nothing should wait before it polls again if many records are
// coming, and poll at once if it waits for a single record, for example an answer.
//
// No single wait can tell these cases apart, so the pacer tries both ways and keeps
// the one that yields more records a second:
//
//	free    polls at once. After some waits, later rarely: measure, then trial
//	trial   pauses before it polls. If that is not clearly faster than free, or if
//	        several pauses in a row bring next to nothing: free, and a longer time
//	        until the next trial
//	paced   pauses too, until several pauses in a row bring next to nothing, or until
//	        it is time to measure again
//
// It belongs to the receiving goroutine.
type pacer struct {
	state   paceState
	left    int    // waits left in the state, or until its next measurement
	rest    int    // waits between trials
	on      int    // waits until pauses are compared again
	few     int    // pauses in a row that brought next to nothing
	records uint64 // records taken before the last wait
	begun   uint64 // records when the measurement began
	at      time.Time
	free    float64 // records a second without pauses
	pauses  uint32  // in one gap; 0: not known yet
}

type paceState uint8

const (
	paceFree paceState = iota
	paceMeasure
	paceTrial
	paceOn
)

const (
	// paceGap is long enough for dozens of small messages to arrive, and short
	// enough to be negligible when that many are on their way.
	paceGap = 3 * time.Microsecond
	// paceWindow is the number of waits in a measurement.
	paceWindow = 16
	// Waits from one trial to the next, doubled after each trial in vain. In the
	// long run a request-reply exchange, which never gains, loses one wait in a
	// thousand to trials.
	minRest, maxRest = 256, 1 << 14
	// Waits until pauses are compared again, doubled whenever they win. They are
	// compared again because a break during the measurement without pauses can make
	// them win unduly.
	minOn, maxOn = 64, 1 << 12
	// A pause that brings at most paceFew records, paceFew times in a row, is in
	// vain.
	paceFew = 3
	// paceGain is how many times faster pauses must make it to win.
	paceGain = 1.15
)

// gap returns how many pauses to make before polling. The receiver calls it before
// each wait, with the number of records it has taken so far.
func (p *pacer) gap(records uint64) uint32 {
	run := records - p.records
	p.records = records
	switch p.state {
	case paceFree:
		if p.rest == 0 { // the first call
			p.rest, p.left = minRest, minRest
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
		return p.giveUp()
	case p.left > 0:
	case p.state == paceOn:
		p.measure(paceMeasure)
		return 0
	case p.rate() < paceGain*p.free:
		return p.giveUp()
	default:
		p.on = min(max(2*p.on, minOn), maxOn)
		p.state, p.left, p.rest = paceOn, p.on, minRest
	}
	return p.pauses
}

// measure begins state s, which ends with a measurement of the rate.
func (p *pacer) measure(s paceState) {
	if p.pauses == 0 {
		p.pauses = max(cpu.Pauses(paceGap), 1)
	}
	p.state, p.left, p.few = s, paceWindow, 0
	p.begun, p.at = p.records, time.Now()
}

// rate returns the records a second since the measurement began.
func (p *pacer) rate() float64 {
	return float64(p.records-p.begun) / max(time.Since(p.at).Seconds(), 1e-9)
}

// giveUp stops pausing until the next trial.
func (p *pacer) giveUp() uint32 {
	p.rest = min(max(2*p.rest, minRest), maxRest)
	p.state, p.left, p.on = paceFree, p.rest, 0
	return 0
}
