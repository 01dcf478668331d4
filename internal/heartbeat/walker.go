package heartbeat

import (
	"sync/atomic"
	"time"

	"github.com/shmchan/shmchan/internal/process"
)

// walker walks over its list whenever a beat is due: by a thread outside the Go runtime
// where that is supported, otherwise by a goroutine with a timer.
type walker struct {
	list
	thread  thread
	changed chan struct{} // for the goroutine: an endpoint was added, or a tick is due
	quit    chan struct{}
}

// forbidThread lets tests force the goroutine.
var forbidThread atomic.Bool

// start starts the walker, which calls call when a tick is due.
func (w *walker) start(call func()) {
	w.quit = make(chan struct{})
	if !forbidThread.Load() && w.thread.start(&w.list, call) {
		return
	}
	w.changed = make(chan struct{}, 1)
	go w.run(call)
}

// stop stops the walker. Precondition: the list is empty.
func (w *walker) stop() {
	if w.thread.stop() {
		return
	}
	close(w.quit)
	w.changed = nil
}

// link adds an endpoint, whose first beat is due at once.
func (w *walker) link(e *entry) {
	w.list.link(e)
	if !w.thread.notify() {
		w.nudge()
	}
}

// report causes the due ticks to be called.
func (w *walker) report() {
	if !w.thread.report() {
		w.nudge()
	}
}

func (w *walker) nudge() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// run walks from a goroutine.
func (w *walker) run(call func()) {
	quit, changed := w.quit, w.changed
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-quit:
			return
		case <-changed:
		case <-timer.C:
		}
		now := process.Monotonic() + process.ClockOffset()
		next, _ := w.list.walk(now, process.ClockOffset())
		call()
		timer.Reset(time.Duration(next - now))
	}
}
