package soak

import (
	"bytes"
	"fmt"
	"math"
)

// The verdict on one channel name, based only on its ledgers.

// sent is one message of a sender, from its ledger.
type sent struct {
	length     int
	begun, end int64 // of the call that sent it; end is never if the sender died during the call
	fate       fate
	parts      bool // it belongs to a batch that takes more than one claim
}

type fate uint8

const (
	maybe fate = iota // its sender died during the call
	yes               // its Send returned without an error
	no                // its Send failed, or it was aborted
)

const never = math.MaxInt64

// origin is one attached Sender.
type origin struct {
	id       uint64
	life     uint64
	pid      uint32
	messages []sent
	flushed  uint64 // Flush reported that all messages below were received
	got      []*arrival
}

// arrival is a message at its first delivery.
type arrival struct {
	record
	from *origin
	sent *sent
}

// judge gathers the ledgers of one round and counts violations.
type judge struct {
	tally
	origins map[uint64]*origin
	lives   map[uint64]*reception
	ends    int // approximate number of senders at the same time
	durable bool
	stops   []span
	faults  []string
}

const maxFaults = 20 // reported

func (j *judge) fault(format string, args ...any) {
	if len(j.faults) < maxFaults {
		j.faults = append(j.faults, fmt.Sprintf(format, args...))
	}
	j.Faults++
}

// readSenders reads the ledgers of all attached Senders.
func (j *judge) readSenders(dir string) {
	j.origins = map[uint64]*origin{}
	_, ledgers := read(dir, senders)
	for _, l := range ledgers {
		var o *origin
		for _, r := range l {
			switch r.what {
			case attached:
				o = &origin{id: r.number, life: r.position, pid: r.pid}
				j.origins[o.id] = o
				j.Attached++
			case begun:
				o.messages = append(o.messages, sent{length: int(r.length), begun: r.clock, end: never, parts: r.kind == inParts})
			case ended:
				for i := int(r.number); i < len(o.messages); i++ {
					m := &o.messages[i]
					m.end, m.fate = r.clock, no
					if i < int(r.number)+int(r.length) {
						m.fate = yes
						j.Sent++
					}
				}
			case flushed:
				o.flushed = r.number
			}
		}
	}
}

// reception is the content of the receivers' ledgers in one life of the channel.
type reception struct {
	stream   []*arrival // each message once
	kept     int        // stream before this index was certainly released
	complete int64      // sends that ended before this time must have arrived; 0: the receiver was killed or closed
	slots    map[uint64]*origin
	latest   int64 // latest begin of a send whose message was received
}

// readReceivers follows the receivers, one after another.
func (j *judge) readReceivers(dir string) map[uint64]*reception {
	lives := map[uint64]*reception{}
	names, ledgers := read(dir, receivers)
	for i, l := range ledgers {
		if len(l) == 0 {
			continue // killed before it had attached
		}
		life := lives[l[0].position]
		if life == nil {
			life = &reception{slots: map[uint64]*origin{}}
			lives[l[0].position] = life
		} else if !j.durable {
			j.fault("%s attached to a channel whose receiver had gone", names[i])
		}
		j.Receivers++
		j.follow(names[i], l, life)
	}
	return lives
}

// follow reads one receiver's ledger into its life.
func (j *judge) follow(name string, l []record, life *reception) {
	at, before := -1, l[0].clock // at: index of the next message in the stream
	life.complete = 0
	for _, r := range l[1:] {
		switch r.what {
		case torn:
			j.Torn++
			j.fault("%s: torn message at %#x/%d, length %d, % x", name, r.position, r.index, r.length, r.head)
		case received:
			if at < 0 {
				at = life.find(r)
			}
			j.arrive(name, life, at, r, before)
			at, before = at+1, r.clock
		case released:
			life.kept = max(life.kept, at)
		case disconnected:
			life.complete = r.clock
		case drained:
			life.complete = never
		case closed:
			if at < 0 {
				at = life.kept
			}
			life.kept = max(life.kept, at) // a receiver that closes has released everything
			j.Skipped = max(j.Skipped, r.number)
		}
	}
}

// find returns the index in the stream of a receiver's first message: among those
// that its predecessor may not have released, or at the end.
func (l *reception) find(r record) int {
	for i := l.kept; i < len(l.stream); i++ {
		if s := l.stream[i]; s.position == r.position && s.index == r.index {
			return i
		}
	}
	return len(l.stream)
}

// arrive processes the message at an index of the stream: a repeated message must be
// identical, and a new one must lie after all others.
func (j *judge) arrive(name string, life *reception, at int, r record, before int64) {
	j.Received++
	j.Bytes += uint64(r.length)
	if at < len(life.stream) {
		old := life.stream[at].record
		if old.position != r.position || old.index != r.index || old.length != r.length || old.head != r.head {
			j.fault("%s: %#x/%d is not the repetition of %#x/%d", name, r.position, r.index, old.position, old.index)
		}
		j.Repeated++
		return
	}
	if at > 0 {
		last := life.stream[at-1]
		ahead := int64(r.position - last.position)
		if ahead < 0 || ahead == 0 && r.index != last.index+1 {
			j.Duplicates++
			j.fault("%s: got %#x/%d after %#x/%d", name, r.position, r.index, last.position, last.index)
		}
	}
	a := &arrival{record: r}
	life.stream = append(life.stream, a)
	j.attribute(name, life, a)
	if a.sent == nil {
		return
	}
	if a.sent.end < life.latest {
		j.fault("%s: message %d of %#x is late: its send had returned before the send of an earlier received one began", name, r.number, a.from.id)
	}
	life.latest = max(life.latest, a.sent.begun)
	if a.sent.fate == yes {
		j.wait(span{from: max(a.sent.begun, before), to: r.clock})
	}
}

// attribute finds the sender of a message, and its number.
func (j *judge) attribute(name string, life *reception, a *arrival) {
	if a.length >= signed {
		id, number := signature(a.head[:])
		o := j.origins[id]
		if o == nil || number >= uint64(len(o.messages)) {
			j.fault("%s: message %d of %#x at %#x was never begun", name, number, id, a.position)
			return
		}
		if number == 0 {
			life.slots[a.slot] = o
		}
		a.number = number
	}
	o := life.slots[a.slot]
	if o == nil {
		j.fault("%s: message at %#x in slot %d, whose sender sent no first message", name, a.position, a.slot)
		return
	}
	if id, _ := signature(a.head[:]); a.length >= signed && id != o.id {
		j.fault("%s: message of %#x at %#x in the slot of %#x", name, id, a.position, o.id)
		return
	}
	if a.pid != 0 && a.pid != o.pid {
		j.fault("%s: Meta.PID is %d, want %d", name, a.pid, o.pid)
	}
	a.from = o
	j.match(name, o, a)
	o.got = append(o.got, a)
}

// match finds the message among its sender's: the next one that can have been sent.
// Those in between must not have been sent.
func (j *judge) match(name string, o *origin, a *arrival) {
	i := uint64(0)
	if n := len(o.got); n > 0 {
		i = o.got[n-1].number + 1
	}
	for ; i < uint64(len(o.messages)); i++ {
		m := &o.messages[i]
		if a.length >= signed && i < a.number || m.fate == no {
			if m.fate == yes {
				j.Lost++
				j.fault("%s: message %d of %#x, whose send had returned, was skipped", name, i, o.id)
			}
			if m.fate == no && a.length >= signed && i == a.number {
				break
			}
			continue
		}
		break
	}
	if a.length >= signed && i > a.number {
		j.Duplicates++
		j.fault("%s: message %d of %#x was repeated or late, after %d", name, a.number, o.id, i-1)
		return
	}
	if i >= uint64(len(o.messages)) {
		j.fault("%s: more messages of %#x than it sent, at %#x", name, o.id, a.position)
		return
	}
	a.number, a.sent = i, &o.messages[i]
	switch {
	case a.sent.fate == no:
		j.fault("%s: message %d of %#x was received although its send had failed", name, i, o.id)
	case a.sent.length != int(a.length):
		j.Torn++
		j.fault("%s: message %d of %#x has %d bytes, want %d", name, i, o.id, a.length, a.sent.length)
	case a.length < signed:
		want := make([]byte, a.length)
		fill(want, o.id, i)
		if !bytes.Equal(want, a.head[:a.length]) {
			j.Torn++
			j.fault("%s: message %d of %#x is % x, want % x", name, i, o.id, a.head[:a.length], want)
		}
	}
	if a.sent.fate == maybe {
		j.InHand++
	}
}

// completeness finds messages that must have arrived and have not.
func (j *judge) completeness(lives map[uint64]*reception) {
	for _, o := range j.origins {
		from := uint64(0)
		if n := len(o.got); n > 0 {
			from = o.got[n-1].number + 1
		}
		if o.flushed > from && j.owed(o, from, o.flushed) > 0 {
			j.Lost++
			j.fault("Flush of %#x reported all messages before %d as received, but those from %d on were not", o.id, o.flushed, from)
		}
		life := lives[o.life]
		for i := from; i < uint64(len(o.messages)); i++ {
			if o.messages[i].fate != yes {
				continue
			}
			switch {
			case j.durable, life != nil && o.messages[i].end < life.complete:
				j.Lost++
				j.fault("message %d of %#x, whose send had returned, did not arrive", i, o.id)
			default:
				j.Gone++ // lost with the receiver to which it would have come
			}
		}
	}
}

// owed counts the messages from a to b that were sent.
func (j *judge) owed(o *origin, a, b uint64) (n int) {
	for i := a; i < b; i++ {
		if o.messages[i].fate == yes {
			n++
		}
	}
	return n
}

// span is an interval on the monotonic clock.
type span struct {
	from, to    int64
	incarnation int // of the process that was stopped
}

// wait records how long an attached receiver that held no other message let a message
// wait whose send had begun.
func (j *judge) wait(s span) {
	d := s.to - s.from
	if d <= j.Stall {
		return
	}
	for _, stop := range j.stops {
		if s.from < stop.to && stop.from < s.to {
			j.StallStopped = max(j.StallStopped, d)
			return
		}
	}
	j.Stall = max(j.Stall, d)
}
