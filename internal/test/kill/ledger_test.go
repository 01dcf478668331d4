//go:build failpoints

package kill

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"sync"

	"github.com/shmchan/shmchan/ipc"
)

// message returns the i-th of a sender's messages, n bytes long:
//
//	| sender u8 | number u32 | pattern … | CRC-32C u32 |
func message(who byte, i, n int) []byte {
	msg := make([]byte, n)
	msg[0] = who
	binary.LittleEndian.PutUint32(msg[1:], uint32(i))
	for at := 5; at < n-4; at++ {
		msg[at] = byte(i*31 + at)
	}
	binary.LittleEndian.PutUint32(msg[n-4:], crc32.Checksum(msg[:n-4], castagnoli))
	return msg
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// stray is the sender of messages that may come or not, in any order.
const stray = '?'

// receipt is one message that somebody received, its number, and where it lay.
type receipt struct {
	who   byte
	i     int
	seq   uint64
	pos   uint64
	index int
}

// open checks a message and tells which one it is.
func open(msg []byte, from ipc.Meta) (receipt, error) {
	n := len(msg)
	if n < 9 || binary.LittleEndian.Uint32(msg[n-4:]) != crc32.Checksum(msg[:n-4], castagnoli) {
		return receipt{}, fmt.Errorf("torn: %x", msg)
	}
	return receipt{who: msg[0], i: int(binary.LittleEndian.Uint32(msg[1:])), seq: from.Seq, pos: from.Position, index: from.Index}, nil
}

func (r receipt) String() string {
	return fmt.Sprintf("%d: %c%d at %d.%d", r.seq, r.who, r.i, r.pos, r.index)
}

func (r receipt) after(q receipt) bool {
	return r.pos > q.pos || r.pos == q.pos && r.index > q.index
}

// ledger knows what was sent and what was received. Safe for concurrent use.
type ledger struct {
	mu    sync.Mutex
	tried map[byte]int // messages of a sender whose Send began
	sent  map[byte]int // whose Send returned
	got   []receipt    // of one receiver after the other
	first int          // how many of them were the first receiver's, if that died
	begun uint64       // taken from the channel before this ledger began
	wrong error        // the first thing that can't be
}

func newLedger() *ledger { return &ledger{tried: map[byte]int{}, sent: map[byte]int{}} }

// next returns the number of the sender's next message.
func (l *ledger) next(who byte) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tried[who]++
	return l.tried[who] - 1
}

func (l *ledger) add(who byte, tried, sent int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tried[who] += tried
	l.sent[who] += sent
}

func (l *ledger) receive(msg []byte, from ipc.Meta) {
	r, err := open(msg, from)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.fail(err)
		return
	}
	l.got = append(l.got, r)
}

func (l *ledger) fail(err error) {
	if l.wrong == nil {
		l.wrong = err
	}
}

// failed notes what can't be.
func (l *ledger) failed(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail(fmt.Errorf(format, args...))
}

// has reports whether the sender's i-th message was received, or all is lost.
func (l *ledger) has(who byte, i int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wrong != nil {
		return true
	}
	for at := len(l.got) - 1; at >= 0; at-- {
		if l.got[at].who == who && l.got[at].i == i {
			return true
		}
	}
	return false
}

// check finds what is against the promises: a message that is torn, out of order
// or missing, or comes again without being one that the receiver that died had
// not given back. repeats and missing are how many of those may be.
func (l *ledger) check(repeats, missing int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wrong != nil {
		return l.wrong
	}
	again := l.repeated()
	if again > repeats {
		return fmt.Errorf("%d messages came again, %d may; all: %v", again, repeats, l.got)
	}
	if err := l.numbered(again, missing); err != nil {
		return err
	}
	count, last := map[byte]int{}, receipt{}
	for at, r := range l.got {
		if r.who == stray {
			continue
		}
		if at >= l.first && at < l.first+again {
			if first := l.got[at-again]; r != first {
				return fmt.Errorf("%v came where %v was to come again; all: %v", r, first, l.got)
			}
			continue
		}
		if at > 0 && !r.after(last) {
			return fmt.Errorf("%v came after %v; all: %v", r, last, l.got)
		}
		for ; count[r.who] != r.i && missing > 0 && at >= l.first; missing-- {
			count[r.who]++
		}
		if count[r.who] != r.i {
			return fmt.Errorf("%v came when %c%d was next; all: %v", r, r.who, count[r.who], l.got)
		}
		count[r.who]++
		last = r
	}
	for who, sent := range l.sent {
		for ; count[who] < sent && missing > 0; missing-- {
			count[who]++
		}
		if count[who] < sent {
			return fmt.Errorf("%d of %c were sent, %d came; all: %v", sent, who, count[who], l.got)
		}
		if count[who] > l.tried[who] {
			return fmt.Errorf("%d of %c came, %d were tried", count[who], who, l.tried[who])
		}
	}
	return nil
}

// numbered finds a number that can't be. They count what receivers took, one after
// another; what comes again has the number that it had, and only what was missing
// with the receiver that died leaves a gap.
func (l *ledger) numbered(again, missing int) error {
	next := l.begun + 1
	for at, r := range l.got {
		if at >= l.first && at < l.first+again {
			continue // check compares it with the first time
		}
		gap := uint64(0)
		if at == l.first+again {
			gap = uint64(missing)
		}
		if r.seq < next || r.seq > next+gap {
			return fmt.Errorf("%v came when number %d was next; all: %v", r, next, l.got)
		}
		next = r.seq + 1
	}
	return nil
}

// taken returns how many messages the last receiver must have counted.
func (l *ledger) taken() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.got) == 0 {
		return 0
	}
	return l.got[len(l.got)-1].seq
}

// repeated returns how many of the first receiver's last messages the second one
// begins with.
func (l *ledger) repeated() int {
	if l.first == len(l.got) {
		return 0
	}
	for n := 1; n <= l.first; n++ {
		if l.got[l.first-n] == l.got[l.first] {
			return n
		}
	}
	return 0
}
