package ipc

import (
	"runtime"
	"sync/atomic"

	"github.com/shmchan/shmchan/shm"
)

// lingering is the mapping of an endpoint that was closed while its user may still
// look at memory in it: an open claim's bytes, or messages that were received in
// place. Close gives the descriptor, the locks and the name back; the mapping stays
// until one of these comes first:
//
//	drop       the user has said that it is done: Commit or Abort, Release or Rewind
//	collected  the endpoint is unreachable, and with it every Claim, since a Claim
//	           refers to its Sender: nobody is left who could call drop
//
// Both unmap, and only one of them can happen: drop is called on a reachable
// endpoint, with the endpoint's lock held.
type lingering struct {
	seg       *shm.Segment
	collected runtime.Cleanup
}

// linger keeps the mapping of seg, whose endpoint is owner. Precondition: the
// segment's file is closed or about to be, and nothing but memory that its user was
// given is touched in it any more.
func linger[T any](owner *T, seg *shm.Segment) *lingering {
	l := &lingering{seg: seg}
	// seg does not lead back to owner, or owner would be reachable for ever.
	l.collected = runtime.AddCleanup(owner, func(seg *shm.Segment) { _ = seg.Close() }, seg)
	collectLingering(int64(seg.Ring().Capacity()))
	return l
}

// drop unmaps. Precondition: owner is the endpoint that linger was called with.
func (l *lingering) drop(owner any) {
	l.collected.Stop()
	runtime.KeepAlive(owner) // until here: else the cleanup may be queued already
	_ = l.seg.Close()        // Close of the endpoint has reported what could fail
}

// lingeringLimit is how many bytes of rings may begin to linger before the garbage
// collector runs for their sake: it sees a few hundred bytes of a Receiver, not the
// ring that hangs on it, and without a name the ring takes up shared memory all the
// same. A quarter of the 64 MiB that containers usually have.
const lingeringLimit = 16 << 20

var lingered atomic.Int64 // bytes of rings since the last such collection

func collectLingering(n int64) {
	if lingered.Add(n) >= lingeringLimit {
		lingered.Store(0)
		go runtime.GC()
	}
}

// unmap closes the segment, and keeps its mapping if somebody may still look at a
// message in place. That is so for what Next returned and nobody released, and for
// all that Consume ever handed out: its function should not keep a message, but where
// it did, a look at it must not end the process. Precondition: no call is inside, the
// gate is shut, stats is held.
//
// Close and the end of a holder's look may come in any order:
//
//	Release, Close        nothing is held: unmapped by Close
//	Close, Release        the mapping lingers until Release
//	Release while Close   it finds the gate closed, and waits for stats: letgo is set
//	is in finish          before unmap looks, or lingers after
//	Close, no Release     until the Receiver is collected
func (r *Receiver) unmap() error {
	if r.letgo || r.rx.Unreleased() == 0 && !r.lent {
		return r.seg.Close()
	}
	r.lingers = linger(r, r.seg)
	return r.seg.CloseFile()
}

// letGo is Release and Rewind when there is no entering: err says why. After Close
// nothing is left to do but to unmap.
func (r *Receiver) letGo(err error) error {
	if !r.closing() {
		return err
	}
	r.stats.Lock()
	defer r.stats.Unlock()
	r.letgo = true
	if r.lingers != nil {
		r.lingers.drop(r)
		r.lingers = nil
	}
	return r.errClosed
}
