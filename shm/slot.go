package shm

import (
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/process"
)

// Slots of the ends. Owning a slot is holding the kernel's lock on its byte of
// the file (Segment.TryLock); the words here only tell others about the owner.
//
//	{free, unlocked} → {free, locked} → {live, locked} → {free, locked} → {free, unlocked}
//	                   attach                            detach
//	{live, unlocked}: the owner died. → {live, locked} → {free, locked}: reaped, and the
//	reaper either attaches or unlocks
//	{live, locked} by a child that the owner forked, or while its core is dumped: the
//	owner died as well, by the process table (alive.go). The slot stays as it is
//	until its lock is free.
//	{live, locked} → {barred, locked} → {live, locked}: such a slot, by the receiver's
//	latch, while that must keep newcomers out (Segment.LockSenders)
//
// A dead sender's slot may be reaped only if its intent can no longer be needed
// by recovery: it is clear, below the published head, not below tail, or a record
// is committed there: then nobody looks for a claimer at that position, and as a
// boundary the stamp serves as well (R6 of recover.go). The reaper locks first
// (which proves the death, keeps other reapers out, and makes a next owner
// alive), and only then reads intent, head, tail and stamp, in this order.

// Owner is who an end is, as its slot says.
type Owner struct {
	Process process.Identity
	Label   string
}

// CheckLabel says what is wrong with a label, or "".
func CheckLabel(label string) string {
	switch {
	case len(label) > MaxLabel:
		return "is longer than 48 bytes"
	case !utf8.ValidString(label):
		return "is not UTF-8"
	case strings.IndexFunc(label, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0:
		return "has characters that don't print"
	}
	return ""
}

// claiming returns the position in the slot's intent.
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

// occupy makes the slot its locker's. from is where its messages begin. The state
// goes live last.
func (s *slot) occupy(o Owner, from uint64, interval, now int64) {
	s.state.Store(slotFree) // of a receiver that died, whose words nobody must take for this one's
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

// vacate frees the sender slot i, gives up its place in line, and adds its counts to
// those of the senders that have gone. A death before that leaves them in the free
// slot, where they count, and the next owner's attachment adds them; its place goes
// with that attachment too, or is passed.
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
// The slot may change hands meanwhile: occupy stores each position before its pid,
// so a position that is still the same afterwards belongs to the pid in between.
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

// getLabel reads a label word by word: a peer may change it meanwhile, or have
// written anything.
func (s *slot) getLabel() string {
	var b [labelSize]byte
	for i := range s.label {
		binary.NativeEndian.PutUint64(b[8*i:], s.label[i].Load())
	}
	label, _, _ := strings.Cut(string(b[:]), "\x00")
	if CheckLabel(label) != "" {
		return "?"
	}
	return label
}
