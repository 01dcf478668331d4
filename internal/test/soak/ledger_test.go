package soak

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/shmchan/shmchan/internal/process"
)

// what is the kind of event that a record describes.
type what uint8

const (
	// In a sender's ledger:
	attached what = iota + 1 // to a life of the channel; number: the sender's
	begun                    // kind: inParts or 0; number, length: of the message that is about to be sent
	ended                    // kind, first number; length: how many of the messages begun were sent
	flushed                  // number: all below it have been received
	left                     // closed; nothing follows

	// In a receiver's ledger:
	opened       // a life of the channel
	received     // a message
	torn         // a message that differs from what its sender filled in
	released     // all messages above were released
	disconnected // the call that began at clock returned ErrDisconnected
	drained      // all senders had ended, and the channel returned ErrEmpty or ErrDisconnected
	closed       // number: claims that the life has skipped so far; nothing follows
)

// inParts is the kind of a message of a batch that may take more than one claim.
const inParts = 1

// record is one entry of a ledger. Its 64 bytes never cross a page boundary of the
// file, so a kill leaves no partial record.
type record struct {
	what     what
	kind     uint8
	index    uint32 // received: index in the batch
	length   uint32
	pid      uint32
	clock    int64
	number   uint64       // number of a sender's message
	position uint64       // received: position of the record; attached, opened: when the channel was created
	slot     uint64       // received
	head     [signed]byte // received: the first bytes of the message
}

const recordSize = 64

func (r *record) append(b []byte) []byte {
	b = append(b, byte(r.what), r.kind, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, r.index)
	b = binary.LittleEndian.AppendUint32(b, r.length)
	b = binary.LittleEndian.AppendUint32(b, r.pid)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.clock))
	b = binary.LittleEndian.AppendUint64(b, r.number)
	b = binary.LittleEndian.AppendUint64(b, r.position)
	b = binary.LittleEndian.AppendUint64(b, r.slot)
	return append(b, r.head[:]...)
}

func decode(b []byte) record {
	le := binary.LittleEndian
	return record{
		what: what(b[0]), kind: b[1], index: le.Uint32(b[4:]), length: le.Uint32(b[8:]), pid: le.Uint32(b[12:]),
		clock: int64(le.Uint64(b[16:])), number: le.Uint64(b[24:]), position: le.Uint64(b[32:]),
		slot: le.Uint64(b[40:]), head: [signed]byte(b[48:64]),
	}
}

// ledger is the file of one incarnation of an endpoint.
type ledger struct {
	file *os.File
	buf  []byte
}

// open creates the ledger. The names sort by incarnation.
func open(dir, role string, incarnation, end int) *ledger {
	name := filepath.Join(dir, fmt.Sprintf("%s-%09d-%d", role, incarnation, end))
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	must(err)
	return &ledger{file: file}
}

// add buffers a record until the next write.
func (l *ledger) add(r record) {
	if r.clock == 0 {
		r.clock = process.Monotonic()
	}
	l.buf = r.append(l.buf)
}

// write appends the buffered records and r in one system call.
func (l *ledger) write(r record) {
	l.add(r)
	l.flush()
}

func (l *ledger) flush() {
	_, err := l.file.Write(l.buf)
	must(err)
	l.buf = l.buf[:0]
}

// read returns the records of each ledger of a role, in order of incarnation.
func read(dir, role string) (names []string, ledgers [][]record) {
	names, err := filepath.Glob(filepath.Join(dir, role+"-*"))
	must(err)
	sort.Strings(names)
	for i, name := range names {
		raw, err := os.ReadFile(name)
		must(err)
		if len(raw)%recordSize != 0 {
			panic(fmt.Sprintf("%s has half a record at its end", name))
		}
		records := make([]record, 0, len(raw)/recordSize)
		for ; len(raw) > 0; raw = raw[recordSize:] {
			records = append(records, decode(raw))
		}
		ledgers = append(ledgers, records)
		names[i] = strings.TrimPrefix(name, dir+"/")
	}
	return names, ledgers
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
