package main

import (
	"fmt"
	"time"

	"github.com/shmchan/shmchan/ipc"
)

// tellEvery is the interval at which deaths are reported.
const tellEvery = 200 * time.Millisecond

// deaths reports killed senders while recv receives or waits.
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

// stop reports the last deaths and returns the number of all.
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
	if d.Slot < 0 { // another sender reaped it
		return "a sender"
	}
	return fmt.Sprintf("sender %d (%s)", d.Slot, processOf(d.PID, d.Label))
}
