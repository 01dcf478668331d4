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

// stray is the sender of messages that may arrive or not, in any order.
const stray = '?'

// receipt is a received message, its number, and its position.
type receipt struct {
	who   byte
	i     int
	seq   uint64
	pos   uint64
	index int
}

// open checks a message and returns its sender and number.
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

// ledger records what was sent and received. It is safe for concurrent use.
type ledger struct {
	mu    sync.Mutex
	tried map[byte]int // number of messages of each sender whose Send began
	sent  map[byte]int // and whose Send returned
	got   []receipt    // by one receiver after the other
	first int          // how many of them the first receiver got, if it died
	begun uint64       // taken from the channel before this ledger began
	wrong error        // the first violation
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

// failed records a violation.
func (l *ledger) failed(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail(fmt.Errorf(format, args...))
}

// has reports whether the sender's i-th message was received, or everything is lost.
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

// check returns an error if a message is torn, out of order or missing, or was
// received again although the dead receiver had released it. repeats and missing are
// how many repeated and missing messages are allowed.
func (l *ledger) check(repeats, missing int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wrong != nil {
		return l.wrong
	}
	again := l.repeated()
	if again > repeats {
		return fmt.Errorf("%d messages repeated, want at most %d; all: %v", again, repeats, l.got)
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
				return fmt.Errorf("got %v, want %v again; all: %v", r, first, l.got)
			}
			continue
		}
		if at > 0 && !r.after(last) {
			return fmt.Errorf("got %v after %v; all: %v", r, last, l.got)
		}
		for ; count[r.who] != r.i && missing > 0 && at >= l.first; missing-- {
			count[r.who]++
		}
		if count[r.who] != r.i {
			return fmt.Errorf("got %v, want %c%d; all: %v", r, r.who, count[r.who], l.got)
		}
		count[r.who]++
		last = r
	}
	for who, sent := range l.sent {
		for ; count[who] < sent && missing > 0; missing-- {
			count[who]++
		}
		if count[who] < sent {
			return fmt.Errorf("%d of %c sent, %d received; all: %v", sent, who, count[who], l.got)
		}
		if count[who] > l.tried[who] {
			return fmt.Errorf("%d of %c received, %d tried", count[who], who, l.tried[who])
		}
	}
	return nil
}

// numbered returns an error for an impossible number. Numbers count the messages
// taken, in order; a repeated message keeps its number, and only messages lost with
// the dead receiver leave a gap.
func (l *ledger) numbered(again, missing int) error {
	next := l.begun + 1
	for at, r := range l.got {
		if at >= l.first && at < l.first+again {
			continue // check compares it with the first delivery
		}
		gap := uint64(0)
		if at == l.first+again {
			gap = uint64(missing)
		}
		if r.seq < next || r.seq > next+gap {
			return fmt.Errorf("got %v, want number %d; all: %v", r, next, l.got)
		}
		next = r.seq + 1
	}
	return nil
}

// taken returns the count that the last receiver must have reached.
func (l *ledger) taken() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.got) == 0 {
		return 0
	}
	return l.got[len(l.got)-1].seq
}

// repeated returns how many of the first receiver's last messages the second receives
// first.
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
