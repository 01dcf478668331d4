package shm

import (
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/process"
)

// A slot is the registration of one endpoint. Owning a slot is holding the kernel's
// lock on its byte of the file (filelock.TryLock); the words here only describe the
// owner to other processes.
//
//	{free, unlocked} → {free, locked} → {live, locked} → {free, locked} → {free, unlocked}
//	                   attach                            detach
//	{live, unlocked}: the owner died. → {live, locked} → {free, locked}: reaped, and the
//	reaper either attaches or unlocks
//	{live, locked} by a child that the owner forked, or while the owner dumps core: the
//	owner is dead too, by the process table (alive.go). The slot stays as it is until
//	its lock is free.
//	{live, locked} → {barred, locked} → {live, locked}: the same slot, while the closing
//	receiver must keep newcomers out (Segment.LockSenders)
//
// A dead sender's slot may be reaped only if recovery can no longer need its intent:
// the intent is clear, below the published head, or not below tail, or a record is
// committed there. Then no recovery looks for a claimer at that position, and the
// stamp serves as a boundary as well (R6 of recover.go). The reaper locks first,
// which proves the death, keeps other reapers out, and makes a next owner alive.
// Only then does it read intent, head, tail and stamp, in this order.

// Owner identifies an endpoint, as its slot describes it.
type Owner struct {
	Process process.Identity
	Label   string
}

// ValidLabel reports whether label is at most MaxLabel bytes of printable UTF-8.
func ValidLabel(label string) bool {
	return len(label) <= MaxLabel && utf8.ValidString(label) &&
		strings.IndexFunc(label, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// claiming returns the position in the slot's intent, if there is one.
func (s *slot) claiming() (pos uint64, ok bool) {
	word := s.intent.Load()
	return word &^ 1, word != noIntent
}

// settled reports whether recovery no longer needs the slot of a dead owner.
// Precondition: the caller holds the slot's lock.
func (r *Ring) settled(s *slot) bool {
	at, claiming := s.claiming()
	h := r.ctl.head.Load()
	t := r.ctl.tail.Load()
	if !claiming || int64(at-h) < 0 || int64(at-t) >= 0 {
		return true
	}
	return at&(recordAlign-1) == 0 && r.committed(at)
}

// occupy fills in the slot for the holder of its lock. from is where its messages
// begin. The state becomes live last.
func (s *slot) occupy(o Owner, from uint64, interval, now int64) {
	s.state.Store(slotFree) // a dead receiver's words must not pass for the new owner's
	failpoint.Hit(failpoint.SlotEmptied)
	if s.gen.Load() > 0 {
		s.prevFrom.Store(s.since.Load())
		s.prevPID.Store(s.pid.Load())
	} else {
		s.prevFrom.Store(from)
	}
	s.since.Store(from)
	s.gen.Add(1)
	s.pid.Store(uint32(o.Process.PID))
	s.pidNS.Store(o.Process.NS)
	s.start.Store(o.Process.Start)
	s.setLabel(o.Label)
	s.intent.Store(noIntent)
	s.mustFence.Store(0)
	s.interval.Store(interval)
	s.beat.Add(1)
	s.beatAt.Store(now)
	failpoint.Hit(failpoint.SlotFilled)
	s.state.Store(slotLive) // {free, locked} → {live, locked}
	failpoint.Hit(failpoint.SlotLive)
}

// vacate frees sender slot i, gives up its place in line, and adds its counts to
// those of the senders that have gone. After a death before the last step the counts
// remain in the free slot, where they still count, until the next owner's attachment
// moves them. That attachment also gives up a place in line that remains, if it is
// not passed before.
func (r *Ring) vacate(i int) {
	s := &r.slots[1+i]
	r.Waiter(i).forget()
	s.intent.Store(noIntent)
	failpoint.Hit(failpoint.IntentCleared)
	s.state.Store(slotFree) // {live, locked} → {free, locked}
	failpoint.Hit(failpoint.SlotFree)
	r.moveCounts(s)
	failpoint.Hit(failpoint.Vacated)
}

// moveCounts adds the slot's counts to those of the senders that have gone.
// Precondition: the caller holds the slot's lock.
func (r *Ring) moveCounts(s *slot) {
	r.ctl.gone.Add(s.messages.Swap(0))
	r.ctl.goneBytes.Add(s.bytes.Swap(0))
}

// ownerAt returns the pid of the sender that had the slot when tail was pos, or 0.
// The slot may change owners meanwhile: occupy stores each position before its pid,
// so if a position has not changed afterwards, the pid read in between belongs to
// it.
func (s *slot) ownerAt(pos uint64) int {
	if since := s.since.Load(); int64(pos-since) >= 0 {
		if pid := s.pid.Load(); s.since.Load() == since {
			return int(pid)
		}
	}
	if from := s.prevFrom.Load(); int64(pos-from) >= 0 {
		if pid := s.prevPID.Load(); s.prevFrom.Load() == from {
			return int(pid)
		}
	}
	return 0
}

func (s *slot) owner() Owner { return Owner{Process: s.process(), Label: s.getLabel()} }

func (s *slot) process() process.Identity {
	return process.Identity{PID: int(s.pid.Load()), NS: s.pidNS.Load(), Start: s.start.Load()}
}

func (s *slot) setLabel(label string) {
	var b [labelSize]byte
	copy(b[:], label)
	for i := range s.label {
		s.label[i].Store(binary.NativeEndian.Uint64(b[8*i:]))
	}
}

// getLabel reads a label word by word: a peer may change it meanwhile, or may have
// written anything.
func (s *slot) getLabel() string {
	var b [labelSize]byte
	for i := range s.label {
		binary.NativeEndian.PutUint64(b[8*i:], s.label[i].Load())
	}
	label, _, _ := strings.Cut(string(b[:]), "\x00")
	if !ValidLabel(label) {
		return "?"
	}
	return label
}
