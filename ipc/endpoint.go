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

// endpoint is what a Sender and a Receiver have in common: an attached segment, how
// it waits, and what can wake it.
type endpoint struct {
	opts opener
	name string
	seg  *shm.Segment
	ring *shm.Ring
	me   shm.Endpoint
	spin spinner
	// guard reports whether the mapping is broken: see shm.Segment.Broken.
	guard busguard.Guard

	filed   filed     // the Sender or Receiver itself
	touched time.Time // when the file's times were last set, successfully or not

	// own changes whenever this process has news for its sleepers. It lies outside
	// the segment, whose memory a truncation would replace under the sleepers.
	own     atomic.Uint32
	proxy   atomic.Pointer[endpoint] // the endpoint that sleeps on this one's behalf: see Select
	cancels cancels
	beat    *heartbeat.Beat
	peers   peers

	wake   func()     // wakeAll, made once: a method value allocates
	mapped sync.Mutex // guards gone against wake-ups from other goroutines
	gone   bool       // the mapping may be gone
	rouse  func()     // wakes sleepers on the doorbell alone, where the kernel can't wait on two words

	errDisconnected, errClosed error // made once: failing does not allocate
}

func (e *endpoint) init(op, name string, opts opener, seg *shm.Segment, me shm.Endpoint) {
	e.opts, e.name, e.seg, e.ring, e.me = opts, name, seg, seg.Ring(), me
	e.spin.init(opts.Spin)
	e.guard = seg.Guard()
	e.wake = e.wakeAll
	e.errDisconnected = e.fail(op, ErrDisconnected)
	e.errClosed = e.fail(op, ErrClosed)
}

// registered reports whether other processes can make this process fence. If not,
// its endpoints fence by themselves at each publication.
func registered() bool { return fence.Register() }

// reaches reports whether this process can make others fence. If not, its endpoints
// ask them to fence at each publication.
func reaches() bool { return fence.Reaches() }

// fail adds the operation and the channel to err.
func (e *endpoint) fail(op string, err error) error { return fmt.Errorf("%s %s: %w", op, e.name, err) }

// wakeAll makes this endpoint's sleepers check again, and wakes no others. It may be
// called at any time, even after Close.
func (e *endpoint) wakeAll() {
	if other := e.proxy.Load(); other != nil {
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

// orBroken returns err, the outcome of an access to the ring, unless the mapping is
// broken; then it returns the reason.
func (e *endpoint) orBroken(op string, err error) error {
	if e.guard.Broken() {
		err = e.broken(op)
	}
	return err // broken is separate so that orBroken is inlined
}

func (e *endpoint) broken(op string) error { return e.fail(op, e.seg.BrokenError()) }

// watchFile makes f, which is this endpoint, check its file from now on.
func (e *endpoint) watchFile(f filed) {
	e.refresh()
	e.filed = f
	watched.add(f, e.dirKey())
}

func (e *endpoint) dirKey() dirKey { return dirKey{e.seg.Place().Dir, e.opts.Heartbeat} }

// quiet stops everything that may touch the mapping from another goroutine.
func (e *endpoint) quiet() {
	watched.remove(e.filed, e.dirKey())
	e.beat.Remove()
	e.peers.forget()
	e.cancels.stop()
	e.mapped.Lock()
	e.gone = true
	e.mapped.Unlock()
}
