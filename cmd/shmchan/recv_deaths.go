package main

import (
	"fmt"
	"time"

	"github.com/shmchan/shmchan/ipc"
)

// tellEvery is how soon a death is told.
const tellEvery = 200 * time.Millisecond

// deaths tells, while recv goes on or waits, of the senders that were killed.
type deaths struct {
	app  *app
	s    *source
	told uint64
	end  chan struct{}
	done chan struct{}
}

func watchDeaths(a *app, s *source) *deaths {
	d := &deaths{app: a, s: s, end: make(chan struct{}), done: make(chan struct{})}
	go d.watch()
	return d
}

func (d *deaths) watch() {
	defer close(d.done)
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			d.tell()
		case <-d.end:
			return
		}
	}
}

// stop tells of the last ones and returns how many there were.
func (d *deaths) stop() uint64 {
	close(d.end)
	<-d.done
	d.tell()
	return d.told
}

func (d *deaths) tell() {
	for _, in := range d.s.inlets {
		for _, death := range in.Deaths() {
			d.told++
			d.app.sayOf(in.name, "%s was killed; the messages that it sent are kept", describeDead(death))
		}
	}
}

func describeDead(d ipc.Death) string {
	if d.Slot < 0 { // a sender in want of its slot was first to find it
		return "a sender"
	}
	return fmt.Sprintf("sender %d (%s)", d.Slot, processOf(d.PID, d.Label))
}
