package soak

import (
	"slices"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"
)

// How long sends wait for room, measured by what other sends get meanwhile: at most a
// ringful, and one message of each other sender, passes a waiting send.

// maxPassed is the number of ringfuls that may pass a send beyond one message of each
// other sender, in addition to one for each sender that may be before it in line. If
// every woken sender runs at once, one in all is enough. But on a machine with more
// runnable threads than processors, a sender may be passed before it has joined the
// line, and passed over in line after it missed a beat.
const maxPassed = 32

// longest is the number of longest waits that are examined.
const longest = 100

// waited is a send that may have waited.
type waited struct {
	*sent
	from  *origin
	bytes uint64 // received meanwhile
}

// waits returns the longest waits of one life of the channel.
func (j *judge) waits(life *reception, capacity uint64) {
	var all []waited
	for _, o := range j.origins {
		if j.lives[o.life] != life {
			continue
		}
		for i := range o.messages {
			m := &o.messages[i]
			if m.fate != yes || m.parts || j.stopped(o, m) {
				continue
			}
			if n := life.receivedBy(m.end) - life.receivedBy(m.begun); n > 0 {
				all = append(all, waited{m, o, n})
			}
		}
	}
	slices.SortFunc(all, func(a, b waited) int { return int(int64(b.bytes) - int64(a.bytes)) })
	for _, w := range all[:min(longest, len(all))] {
		j.Waited = max(j.Waited, float64(w.bytes)/float64(capacity))
		passed := float64(j.passing(w)) / float64(capacity)
		j.Passed = max(j.Passed, passed)
		if passed > float64(maxPassed+j.ends) {
			j.fault("%.1f ringfuls, and a message of each other sender, passed a send by %#x of %d bytes that waited for %v",
				passed, w.from.id, w.length, w.end-w.begun)
		}
	}
}

// receivedBy returns the position of the last message received by that time.
func (l *reception) receivedBy(clock int64) uint64 {
	i := sort.Search(len(l.stream), func(i int) bool { return l.stream[i].clock > clock })
	if i == 0 {
		return l.stream[0].position
	}
	return l.stream[i-1].position
}

// passing returns the bytes of the sends that began after this one and ended before
// it, except for the largest of each other sender.
func (j *judge) passing(w waited) (bytes uint64) {
	for _, o := range j.origins {
		if o == w.from || o.life != w.from.life {
			continue
		}
		largest := 0
		i := sort.Search(len(o.messages), func(i int) bool { return o.messages[i].begun > w.begun })
		for ; i < len(o.messages) && o.messages[i].begun < w.end; i++ {
			if m := &o.messages[i]; m.fate == yes && m.end < w.end {
				bytes += uint64(m.length)
				largest = max(largest, m.length)
			}
		}
		bytes -= uint64(largest)
	}
	return bytes
}

// stopped reports whether the sender's process was stopped while it waited.
func (j *judge) stopped(o *origin, m *sent) bool {
	for _, stop := range j.stops {
		if stop.incarnation == int(o.id>>16) && m.begun < stop.to && stop.from < m.end {
			return true
		}
	}
	return false
}

func TestJudgeTellsWhatPassedASendThatWaited(t *testing.T) {
	const capacity, passers = 4096, 40
	patient := &origin{id: 1 << 16, messages: []sent{{length: 100, begun: 10, end: 10_000, fate: yes}}}
	greedy := &origin{id: 2 << 16}
	life := &reception{stream: []*arrival{{record: record{clock: 5}}}}
	for i := range passers {
		at := int64(100 + 10*i)
		greedy.messages = append(greedy.messages, sent{length: capacity, begun: at, end: at + 5, fate: yes})
		life.stream = append(life.stream, &arrival{record: record{clock: at + 7, position: uint64(i+1) * capacity}})
	}
	j := &judge{origins: map[uint64]*origin{1: patient, 2: greedy}, lives: map[uint64]*reception{0: life}}
	j.waits(life, capacity)
	require.EqualValues(t, passers, j.Waited)
	require.EqualValues(t, passers-1, j.Passed, "one of them may")
	require.NotEmpty(t, j.faults)

	j = &judge{origins: j.origins, lives: j.lives, stops: []span{{from: 50, to: 60, incarnation: 1}}}
	j.waits(life, capacity)
	require.Empty(t, j.faults, "it was stopped meanwhile")
}
