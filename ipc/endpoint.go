package ipc

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shmchan/shmchan/internal/busguard"
	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/internal/futex"
	"github.com/shmchan/shmchan/internal/heartbeat"
	"github.com/shmchan/shmchan/shm"
)

// end is what a Sender and a Receiver have in common: an attached segment, how it
// waits, and what may wake it.
type endpoint struct {
	opts opener
	name string
	seg  *shm.Segment
	ring *shm.Ring
	me   shm.Endpoint
	spin spinner
	// guard tells whether the file was truncated: see shm.Segment.Broken.
	guard busguard.Guard

	filed   filed     // the end itself
	touched time.Time // when the file's times were last set, or that was tried

	// own changes for what this process has to tell its sleepers. It lies outside
	// the segment, whose memory a truncation replaces under those who sleep on it.
	own     atomic.Uint32
	hears   atomic.Pointer[endpoint] // who sleeps on this end's behalf: see Select
	cancels cancels
	beat    *heartbeat.Beat
	peers   peers

	wake   func()     // wakeAll, made once: a method value costs an allocation
	mapped sync.Mutex // guards gone against pokes from other goroutines
	gone   bool       // the mapping may be
	rouse  func()     // wakes those who sleep on the bell alone, where the kernel lets nobody sleep on two

	errDisconnected, errClosed error // made once: failing costs no allocation
}

func (e *endpoint) init(op, name string, opts opener, seg *shm.Segment, me shm.Endpoint) {
	e.opts, e.name, e.seg, e.ring, e.me = opts, name, seg, seg.Ring(), me
	e.spin.init(opts.Spin)
	e.guard = seg.Guard()
	e.wake = e.wakeAll
	e.errDisconnected = e.fail(op, ErrDisconnected)
	e.errClosed = e.fail(op, ErrClosed)
}

// registered reports whether others can make this process fence; if not, its ends
// fence by themselves at each publication.
func registered() bool { return fence.Register() }

// reaches reports whether this process can make others fence; if not, its ends ask
// them to fence at each publication.
func reaches() bool { return fence.Reaches() }

// fail names the operation and the channel.
func (e *endpoint) fail(op string, err error) error { return fmt.Errorf("%s %s: %w", op, e.name, err) }

// wakeAll makes this endpoint's sleepers look again, and wakes nobody else. It may come
// at any time, after Close too.
func (e *endpoint) wakeAll() {
	if other := e.hears.Load(); other != nil {
		other.wakeAll()
	}
	e.own.Add(1)
	if futex.Wake(&e.own, allSleepers) > 0 || futex.CanWaitEither() {
		return
	}
	e.mapped.Lock()
	defer e.mapped.Unlock()
	if !e.gone {
		e.rouse()
	}
}

const allSleepers = 1<<31 - 1

// sound replaces the outcome of an access to the ring if the file was truncated
// under it.
func (e *endpoint) sound(op string, err error) error {
	if e.guard.Broken() {
		err = e.broken(op)
	}
	return err // the rest apart, so that the look is inlined
}

func (e *endpoint) broken(op string) error { return e.fail(op, e.seg.BrokenError()) }

// watchFile has f, which is this end, look at its file.
func (e *endpoint) watchFile(f filed) {
	e.refresh()
	e.filed = f
	watched.add(f, e.dirKey())
}

func (e *endpoint) dirKey() dirKey { return dirKey{e.seg.Place().Dir, e.opts.Heartbeat} }

// quiet stops whatever may touch the mapping from another goroutine.
func (e *endpoint) quiet() {
	watched.remove(e.filed, e.dirKey())
	e.beat.Remove()
	e.peers.forget()
	e.cancels.stop()
	e.mapped.Lock()
	e.gone = true
	e.mapped.Unlock()
}
