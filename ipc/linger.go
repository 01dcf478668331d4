package ipc

import (
	"runtime"
	"sync/atomic"

	"github.com/shmchan/shmchan/shm"
)

// lingering is the mapping of an endpoint that was closed while its user may still
// access memory in it: an open claim's bytes, or messages received in place. Close
// releases the descriptor, the locks and the name; the mapping stays until the
// first of:
//
//	drop       the user is done: it has called Commit or Abort, Release or Rewind
//	collected  the endpoint is unreachable, and with it every Claim, since a Claim
//	           refers to its Sender: no caller of drop is left
//
// Both unmap, and only one of them can happen: drop is called on a reachable
// endpoint, with the endpoint's lock held.
type lingering struct {
	seg       *shm.Segment
	collected runtime.Cleanup
}

// linger keeps the mapping of seg, whose endpoint is owner. Preconditions: the
// segment's file is closed or about to be, and nothing in the mapping is accessed
// any more except the memory that was given to the user.
func linger[T any](owner *T, seg *shm.Segment) *lingering {
	l := &lingering{seg: seg}
	// seg must not refer to owner, or owner would stay reachable forever.
	l.collected = runtime.AddCleanup(owner, func(seg *shm.Segment) { _ = seg.Close() }, seg)
	collectLingering(int64(seg.Ring().Capacity()))
	return l
}

// drop unmaps. Precondition: owner is the endpoint that linger was called with.
func (l *lingering) drop(owner any) {
	l.collected.Stop()
	runtime.KeepAlive(owner) // or the cleanup may already be queued
	_ = l.seg.Close()        // Close of the endpoint has reported what could fail
}

// lingeringLimit is how many bytes of rings may begin to linger before linger starts
// a garbage collection. The collector accounts for the few hundred bytes of a
// Receiver, not for the ring that it keeps mapped, and a ring occupies shared memory
// even without a name. It is a quarter of the 64 MiB that containers usually have.
const lingeringLimit = 16 << 20

var lingered atomic.Int64 // bytes of rings since the last such collection

func collectLingering(n int64) {
	if lingered.Add(n) >= lingeringLimit {
		lingered.Store(0)
		go runtime.GC()
	}
}

// unmap closes the segment, but keeps its mapping if the user may still access a
// message in place. That may be a message that Next returned and that was not
// released, or any that Consume ever handed out: its function must not keep a
// message, but if it did, reading it must not crash the process. Preconditions: no
// call is inside, the gate is closed, stats is held.
//
// Close and the user's last access may come in any order:
//
//	Release, Close        nothing is held: Close unmaps
//	Close, Release        the mapping lingers until Release
//	Release while Close   Release finds the gate closed and waits for stats: userDone
//	is in finish          is set before unmap reads it, or the mapping already lingers
//	Close, no Release     the mapping lingers until the Receiver is collected
func (r *Receiver) unmap() error {
	if r.userDone || r.rx.Unreleased() == 0 && !r.lent {
		return r.seg.Close()
	}
	r.lingers = linger(r, r.seg)
	return r.seg.CloseFile()
}

// letGo implements Release and Rewind when enter has returned err. After Close all
// that is left to do is to unmap.
func (r *Receiver) letGo(err error) error {
	if !r.closing() {
		return err
	}
	r.stats.Lock()
	defer r.stats.Unlock()
	r.userDone = true
	if r.lingers != nil {
		r.lingers.drop(r)
		r.lingers = nil
	}
	return r.errClosed
}
