package shm

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/internal/futex"
)

// The receiver's doorbell: the futex word that the receiver sleeps on until it is
// notified. line.go describes how senders sleep.
//
//	sleeper    s = Seq; announce; asymmetric fence; look again; sleep while seq is s; retract
//	publisher  publish; look at the flags; if a sleeper is announced: seq+1, wake
//
// An asymmetric fence (membarrier) is a fence that its caller executes in all
// processes of the channel. No wake-up is lost: either the sleeper's second look
// sees what was published, or the publisher sees the announcement, because the fence
// lies between the announcement and the look on one side and, executed by
// membarrier, between the publication and the look on the other. If the publisher
// adds to seq after s was read, the sleep returns at once. If it dies before its
// wake, the sleeper wakes at its bound, a heartbeat.
//
// Only the receiver announces and retracts. A sender that finds the announcement
// notifies and leaves it in place: if it cleared the flag and died before its wake,
// later senders would stay silent. The epoch counts announcements, so that a sender
// which has notified once need not do so again while the receiver wakes up. (The
// epoch repeats after 2^24 announcements, which costs a heartbeat at worst.)
const (
	bellSleeping = 1 << 0
	bellClosed   = 1 << 1 // the receiver has gone for good
	bellFence    = 1 << 2 // the sleeper has no asymmetric fence: the publisher must fence
	bellEpoch    = 1 << 8
	epochMask    = ^uint32(bellEpoch - 1)
)

// Doorbell is the receiver's doorbell. It is safe for concurrent use.
type Doorbell struct{ words *doorbellWords }

// Doorbell returns the receiver's doorbell.
func (r *Ring) Doorbell() Doorbell { return Doorbell{&r.ctl.doorbell} }

// Seq returns the value of the futex word. Read it before checking for a reason not
// to sleep.
func (b Doorbell) Seq() uint32 { return b.words.seq.Load() }

// Announce announces that the receiver is about to sleep. It must look again before
// it calls Sleep.
func (b Doorbell) Announce() {
	b.Announcing()
	if !fence.Everywhere() {
		b.MustFence()
	}
	failpoint.Hit(failpoint.Fenced)
}

// Word returns the futex that Seq reads.
func (b Doorbell) Word() *atomic.Uint32 { return &b.words.seq }

// Announcing is Announce without the fence, for a goroutine that announces on
// several doorbells, fences once, and calls MustFence on each if it can't fence.
func (b Doorbell) Announcing() {
	// Two steps rather than a loop, which a peer could keep from ending. A sender
	// that sees the first one alone sees no sleeper, and precedes the second look.
	b.words.flags.Add(bellEpoch)
	b.words.flags.Or(bellSleeping)
	failpoint.Hit(failpoint.Announced)
}

// Sleep waits while seq is still s, for at most d. It may return early.
func (b Doorbell) Sleep(s uint32, d time.Duration) error { return futex.Wait(&b.words.seq, s, d) }

// Retract retracts the receiver's announcement.
func (b Doorbell) Retract() {
	b.words.flags.And(^uint32(bellSleeping))
	failpoint.Hit(failpoint.Retracted)
}

// Announced reports whether the receiver has announced that it sleeps.
func (b Doorbell) Announced() bool { return b.words.flags.Load()&bellSleeping != 0 }

// WakeAll makes all sleepers on the doorbell look again, announced or not.
func (b Doorbell) WakeAll() {
	b.words.seq.Add(1)
	futex.Wake(&b.words.seq, math.MaxInt32)
}

// Close marks the channel as closed, because the receiver has gone for good or the
// channel was removed, and wakes every sleeper. It can't be undone.
func (r *Ring) Close() {
	if r.ctl.doorbell.flags.Or(bellClosed)&bellClosed == 0 {
		failpoint.Hit(failpoint.Closed)
		r.WakeSenders()
		r.Doorbell().WakeAll()
	}
}

// Closed reports whether the channel is closed; see Close.
func (r *Ring) Closed() bool { return r.ctl.doorbell.flags.Load()&bellClosed != 0 }

// Closed is Ring.Closed for the Producer's ring.
func (p *Producer) Closed() bool { return p.bell.flags.Load()&bellClosed != 0 }

// Notify wakes the receiver if it sleeps (L6 of producer.go). Call it after Commit,
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
		futex.Wake(&bell.seq, math.MaxInt32) // the receiver's thread, and the one that announces Ready
		failpoint.Hit(failpoint.BellWoken)
		p.answered = epoch
	}
}

func (p *Producer) fullFence() { fullFence(&p.slot.messages) }

// fullFence orders the stores before it against the loads after it: on amd64 by a
// locked instruction. On arm64 the stores that matter are STLR and the loads LDAR,
// which the architecture keeps in order already.
func fullFence(w *atomic.Uint64) { w.Add(0) }

// wakeSenders serves waiting senders, if there are any (S of line.go).
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
