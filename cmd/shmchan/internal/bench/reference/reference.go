// Package reference measures what bounds a channel, as a program in C would do it in
// memory that its processes share: a cache line that crosses between two processors, a
// futex with both processes asleep, and rings without waiting, errors or recovery.
//
// Line, ring and futex are taken around each run of a case ([Refer]), and are cases
// of their own. The ring whose senders claim by a compare-and-swap and the ring of
// messages of any size are baselines that cases name.
package reference

import (
	"errors"
	"fmt"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// Over is stored by the asking side of line and futex to end the answering one.
const Over = 1<<32 - 1

// Refer takes one side of a reference for about as long as the step says.
func Refer(m *Memory, s worker.Step) (worker.Reply, error) {
	switch {
	case s.Ref == worker.RefLine && s.Side == worker.Receiving:
		return m.askLine(s.For)
	case s.Ref == worker.RefLine:
		return worker.Reply{}, m.answerLine()
	case s.Ref == worker.RefFutex && s.Side == worker.Receiving:
		return m.askFutex(s.For)
	case s.Ref == worker.RefFutex:
		return worker.Reply{}, m.answerFutex()
	case s.Ref == worker.RefRing && s.Side == worker.Receiving:
		return m.drainRing(s, 1)
	case s.Ref == worker.RefRing:
		return worker.Reply{}, fillRing[record](m, 1)
	}
	return worker.Reply{}, fmt.Errorf("no reference %q", s.Ref)
}

var errTorn = errors.New("a record of the ring arrived other than it was sent")
