package frame

import (
	"errors"
	"fmt"
	"io"
	"math"
)

const (
	bufferSize = 128 << 10 // read buffer, until a message needs more
	maxStalls  = 100       // reads of nothing in a row, after which the reader is broken

	// What Next returns at most, but for a message that is larger by itself: it stays in
	// a processor's cache until it was sent, and the receiver has something to do before
	// all that was read is sent.
	mostMessages = 1024
	mostBytes    = 64 << 10
)

// Decoder cuts a stream into messages. It serves one goroutine at a time.
//
// Its buffer holds what was read and not yet returned:
//
//	buf[:start]    messages that the last Next returned, or one before it
//	buf[start:end] what follows; if more is false, the incomplete message, of which
//	               scanned bytes hold no end
//	buf[end:]      room for the next read
type Decoder struct {
	r     io.Reader
	kind  Kind
	max   int // largest message
	limit int // largest incomplete message, its framing included

	buf     []byte
	start   int
	end     int
	scanned int
	more    bool  // buf[start:end] was not searched to its end
	base    int64 // offset of buf[0] in the stream
	count   int64 // messages cut so far

	msgs   [][]byte
	arena  []byte // what json's data_b64 decodes to
	stalls int
	ended  error // what the reader said last; it is not read from any more
	err    error // what Next returns once msgs were handed over
}

// NewDecoder returns a Decoder of r that accepts messages of up to max bytes.
// It reads ahead, by up to its buffer's size.
func NewDecoder(r io.Reader, k Kind, max int) *Decoder {
	return newDecoder(r, k, max, bufferSize)
}

func newDecoder(r io.Reader, k Kind, max, size int) *Decoder {
	d := &Decoder{r: r, kind: k, max: max, limit: max, buf: make([]byte, size)}
	switch k {
	case Len:
		d.limit = satAdd(max, lenHeader)
	case JSON:
		d.limit = jsonLimit(max)
	}
	return d
}

// Next returns messages that are complete, in order. It reads only while there is
// none, and never waits for more than one. The slices alias the buffer and are valid
// until the next call. At the end of the stream it returns io.EOF. A message that
// cannot be cut gives a *StreamError, after those before it were returned; a failed
// read gives the reader's error. Every error stays.
func (d *Decoder) Next() ([][]byte, error) {
	for {
		if msgs, err := d.Have(); len(msgs) > 0 || err != nil {
			return msgs, err
		}
		d.take(d.r.Read(d.room()))
	}
}

// Have is Next without reading: it returns no messages and no error if Next would
// read.
func (d *Decoder) Have() ([][]byte, error) {
	d.msgs, d.arena = d.msgs[:0], d.arena[:0]
	if d.more {
		d.more = false
		d.cut()
	}
	if len(d.msgs) == 0 && d.err == nil && d.ended != nil {
		if d.ended == io.EOF {
			d.finish()
		}
		d.fail(d.ended)
	}
	if len(d.msgs) > 0 {
		return d.msgs, nil
	}
	return nil, d.err
}

// Read has read, which does what an io.Reader does or reports false, read from the
// stream in the reader's place, and reports what read reports. Precondition: Have has
// just returned nothing.
func (d *Decoder) Read(read func([]byte) (n int, ok bool, err error)) bool {
	n, ok, err := read(d.room())
	if ok {
		d.take(n, err)
	}
	return ok
}

// room returns where the next read goes.
func (d *Decoder) room() []byte {
	d.makeRoom()
	return d.buf[d.end:]
}

// take accounts for a read.
func (d *Decoder) take(n int, err error) {
	switch {
	case n < 0 || n > len(d.buf)-d.end:
		err = errors.New("frame: the reader returned an impossible count")
	case n > 0:
		d.end += n
		d.stalls, d.more = 0, true
	case err == nil:
		if d.stalls++; d.stalls >= maxStalls {
			err = io.ErrNoProgress
		}
	}
	d.ended = err
}

// makeRoom moves the incomplete message to the front, over those that were
// handed out, and doubles the buffer when that message fills half of it.
func (d *Decoder) makeRoom() {
	if d.start > 0 {
		n := copy(d.buf, d.buf[d.start:d.end])
		d.base += int64(d.start)
		d.start, d.end = 0, n
	}
	if d.end > len(d.buf)/2 {
		grown := make([]byte, 2*len(d.buf))
		copy(grown, d.buf[:d.end])
		d.buf = grown
	}
}

// cut appends to msgs the messages that are complete, until they are as many as Next
// returns, and then sets more. It sets err at the first that never will be complete.
func (d *Decoder) cut() {
	switch d.kind {
	case Line, JSON:
		d.cutEnded('\n')
	case Nul:
		d.cutEnded(0)
	case Len:
		d.cutLen()
	case Raw:
		d.scanned = d.end - d.start
	}
	if d.err == nil && !d.more && d.scanned > d.limit {
		d.tooLarge(-1)
	}
}

// finish deals with what the end of the stream leaves incomplete.
func (d *Decoder) finish() {
	rest := d.buf[d.start:d.end]
	switch d.kind {
	case Line, Nul:
		if len(rest) > 0 {
			d.emit(rest)
		}
	case JSON:
		if len(rest) > 0 {
			d.emitJSON(rest)
		}
	case Len:
		if len(rest) > 0 {
			d.cutOff(rest)
		}
	case Raw:
		d.emit(rest)
	}
	d.start, d.scanned = d.end, 0
}

// emit takes one message.
func (d *Decoder) emit(msg []byte) {
	if len(msg) > d.max {
		d.tooLarge(len(msg))
		return
	}
	d.count++
	d.msgs = append(d.msgs, msg[:len(msg):len(msg)])
}

// tooLarge fails at the message that begins at start; size -1: only that it is
// above the limit is known.
func (d *Decoder) tooLarge(size int) {
	reason := fmt.Sprintf("has more than %d bytes", d.limit)
	if size >= 0 {
		reason = fmt.Sprintf("has %d bytes", size)
	}
	d.broken(fmt.Sprintf("%s; the limit is %d", reason, d.max), ErrTooLarge)
}

// broken fails at the message that begins at start.
func (d *Decoder) broken(reason string, cause error) {
	d.fail(&StreamError{
		Kind: d.kind, Number: d.count + 1, Offset: d.base + int64(d.start), Reason: reason, Err: cause,
	})
}

// fail sets err, which stays.
func (d *Decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// satAdd adds without overflowing.
func satAdd(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}
