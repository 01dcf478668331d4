package shm

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/internal/futex"
)

// The receiver's doorbell: how it sleeps until a sender has done something. How
// senders sleep is in line.go.
//
// The sleeper              s = Seq; announce; fence everywhere; look again; sleep while seq is s; retract
// Who has done something   publish; look at the flags; if a sleeper is announced: seq+1, wake
//
// No wake-up is lost: either the sleeper's second look sees what was published,
// or the publisher sees the announcement, since the fence lies between the
// announcement and the look on one side, and (membarrier executes it there too)
// between the publication and the look on the other. A publisher that adds to
// seq after s was read makes the sleep return at once. One that dies before its
// wake costs the sleeper its bound, a heartbeat.
//
// Only the receiver announces and retracts. A sender that
// finds the announcement rings and leaves it standing: were it to clear it and
// die before its wake, later senders would stay silent. The epoch counts
// announcements, so that a sender which has rung for one need not ring again
// while the receiver wakes up. (Equal again after 2^24: at worst a heartbeat.)
const (
	bellSleeping = 1 << 0
	bellClosed   = 1 << 1 // the receiver's: it has gone for good
	bellFence    = 1 << 2 // the sleeper can't fence everywhere: the publisher must
	bellEpoch    = 1 << 8
	epochMask    = ^uint32(bellEpoch - 1)
)

// Doorbell is the receiver's doorbell. Safe for concurrent use.
type Doorbell struct{ words *doorbellWords }

// Doorbell is what the receiver sleeps on.
func (r *Ring) Doorbell() Doorbell { return Doorbell{&r.ctl.doorbell} }

// Seq returns the futex word: read it before looking whether there is a reason
// to sleep.
func (b Doorbell) Seq() uint32 { return b.words.seq.Load() }

// Announce says that an end is about to sleep. After it the end must look again,
// and only then Sleep.
func (b Doorbell) Announce() {
	b.Announcing()
	if !fence.Everywhere() {
		b.MustFence()
	}
	failpoint.Hit(failpoint.Fenced)
}

// Word returns the futex that Seq reads.
func (b Doorbell) Word() *atomic.Uint32 { return &b.words.seq }

// Announcing is Announce without the fence: for an end that announces on several
// bells, fences once, and calls MustFence on each if it can't.
func (b Doorbell) Announcing() {
	// Two steps rather than a loop, which a peer could keep from ending. Who sees
	// the first alone sees nobody asleep, and comes before the second look.
	b.words.flags.Add(bellEpoch)
	b.words.flags.Or(bellSleeping)
	failpoint.Hit(failpoint.Announced)
}

// Sleep waits while seq is still s, at most d. It may return early.
func (b Doorbell) Sleep(s uint32, d time.Duration) error { return futex.Wait(&b.words.seq, s, d) }

// Retract takes the receiver's announcement back.
func (b Doorbell) Retract() {
	b.words.flags.And(^uint32(bellSleeping))
	failpoint.Hit(failpoint.Retracted)
}

// Announced reports whether somebody is announced to sleep.
func (b Doorbell) Announced() bool { return b.words.flags.Load()&bellSleeping != 0 }

// WakeAll makes all sleepers on the bell look again, announced or not.
func (b Doorbell) WakeAll() {
	b.words.seq.Add(1)
	futex.Wake(&b.words.seq, math.MaxInt32)
}

// Close says that the receiver has gone for good, or that the channel was
// removed, and wakes everybody to see it. Nobody takes it back.
func (r *Ring) Close() {
	if r.ctl.doorbell.flags.Or(bellClosed)&bellClosed == 0 {
		failpoint.Hit(failpoint.Closed)
		r.WakeSenders()
		r.Doorbell().WakeAll()
	}
}

// Closed reports whether the receiver has gone for good.
func (r *Ring) Closed() bool { return r.ctl.doorbell.flags.Load()&bellClosed != 0 }

// Closed is that of the Producer's ring.
func (p *Producer) Closed() bool { return p.bell.flags.Load()&bellClosed != 0 }

// Notify wakes the receiver if it sleeps (L6 of claim.go). Call it after Commit,
// Abort or PutBatch. It never blocks.
func (p *Producer) Notify() {
	if p.fence || p.bell.flags.Load()&(bellSleeping|bellFence) != 0 {
		p.notifySleeper()
	}
}

func (p *Producer) notifySleeper() {
	bell := p.bell
	f := bell.flags.Load()
	if p.fence || f&bellFence != 0 {
		p.fullFence()
		f = bell.flags.Load()
	}
	if epoch := f & epochMask; f&bellSleeping != 0 && epoch != p.answered {
		bell.seq.Add(1)
		failpoint.Hit(failpoint.BellSeq)
		futex.Wake(&bell.seq, math.MaxInt32) // the receiver's thread, and who tells of readiness
		failpoint.Hit(failpoint.BellWoken)
		p.answered = epoch
	}
}

func (p *Producer) fullFence() { fullFence(&p.slot.messages) }

// fullFence orders the stores before it against the loads after it: on amd64 by a
// locked instruction. On arm64 the stores that matter are STLR and the loads LDAR,
// which the architecture keeps in order already.
func fullFence(w *atomic.Uint64) { w.Add(0) }

// wakeSenders serves the senders that wait, if there are any (S of line.go).
func (c *Consumer) wakeSenders() {
	flags := &c.ring.ctl.line.flags
	if !c.fence && flags.Load()&(lineWaiting|lineFence) == 0 {
		return
	}
	fullFence(&c.ring.ctl.received)
	c.Review()
	if flags.Load()&lineWaiting != 0 {
		c.ring.serve()
	}
}
