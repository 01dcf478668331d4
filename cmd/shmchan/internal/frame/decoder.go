package frame

import (
	"errors"
	"fmt"
	"io"
	"math"
)

const (
	bufferSize = 128 << 10 // read buffer, until a message needs more
	maxStalls  = 100       // empty reads in a row, after which the reader is broken

	// Next returns at most mostMessages, and no further message once it has mostBytes:
	// they stay in the processor's cache until they are sent, and the receiver has work
	// before all that was read is sent.
	mostMessages = 1024
	mostBytes    = 64 << 10
)

// Decoder divides a stream into messages. It is not safe for concurrent use.
//
// Its buffer holds
//
//	buf[:start]    messages that Next has returned
//	buf[start:end] what follows; if more is false, an incomplete message, whose first
//	               scanned bytes contain no end
//	buf[end:]      room for the next read
type Decoder struct {
	r      io.Reader
	kind   Kind
	format *format
	max    int // largest message
	limit  int // largest incomplete message, its framing included

	buf     []byte
	start   int
	end     int
	scanned int
	more    bool  // buf[start:end] may contain complete messages
	base    int64 // offset of buf[0] in the stream
	count   int64 // messages cut so far

	msgs   [][]byte
	arena  []byte // decoded data_b64 of json
	stalls int    // empty reads in a row
	ended  error  // the reader's error; there are no more reads
	err    error  // what Next returns after msgs
}

// NewDecoder returns a Decoder that reads messages of up to max bytes from r. It reads
// ahead, by up to the size of its buffer.
func NewDecoder(r io.Reader, k Kind, max int) *Decoder {
	return newDecoder(r, k, max, bufferSize)
}

func newDecoder(r io.Reader, k Kind, max, size int) *Decoder {
	f := &frames[k]
	return &Decoder{r: r, kind: k, format: f, max: max, limit: f.limit(max), buf: make([]byte, size)}
}

// Next returns complete messages, in order. It reads only if the buffer contains none,
// and never waits for more than one. The slices alias the buffer and are valid until the
// next call.
//
// At the end of the stream Next returns io.EOF. If the stream is not valid in the frame,
// it returns the messages before that place and then a *StreamError; if a read fails,
// those before and then the reader's error. Later calls return the same error.
func (d *Decoder) Next() ([][]byte, error) {
	for {
		if msgs, err := d.Have(); len(msgs) > 0 || err != nil {
			return msgs, err
		}
		d.take(d.r.Read(d.room()))
	}
}

// Have is like Next but does not read. If Next would read, Have returns no messages and
// no error.
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

// Read reads from the stream by calling read instead of the reader, and returns its ok.
// If ok is true, read has done what an io.Reader does. Precondition: Have has just
// returned nothing.
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

// take accounts for a read that returned n and err.
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

// makeRoom moves the incomplete message to the front of the buffer, over messages that
// were returned, and doubles the buffer if that message fills half of it.
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

// cut emits complete messages until Next has enough, and then sets more. It fails at
// the first message that can never be complete.
func (d *Decoder) cut() {
	d.format.cut(d)
	if d.err == nil && !d.more && d.scanned > d.limit {
		d.tooLarge(-1)
	}
}

// enough reports whether Next has all that it returns at once, and sets more if so. The
// first message, with its framing, began at from.
func (d *Decoder) enough(from int) bool {
	d.more = len(d.msgs) >= mostMessages || d.start-from >= mostBytes
	return d.more
}

// finish handles what is incomplete at the end of the stream.
func (d *Decoder) finish() {
	d.format.finish(d, d.buf[d.start:d.end])
	d.start, d.scanned = d.end, 0
}

// emit adds one message to those that Next returns.
func (d *Decoder) emit(msg []byte) {
	if len(msg) > d.max {
		d.tooLarge(len(msg))
		return
	}
	d.count++
	d.msgs = append(d.msgs, msg[:len(msg):len(msg)])
}

// tooLarge fails at the message that begins at start. If its size is unknown, size is -1.
func (d *Decoder) tooLarge(size int) {
	reason := fmt.Sprintf("has %d bytes; the limit is %d", size, d.max)
	switch {
	case size >= 0:
	case d.limit == d.max:
		reason = fmt.Sprintf("has more than %d bytes, which is the limit", d.max)
	default:
		reason = fmt.Sprintf("has more than %d bytes; the limit is %d", d.limit, d.max)
	}
	d.invalid(reason, ErrTooLarge)
}

// invalid fails at the message that begins at start.
func (d *Decoder) invalid(reason string, cause error) {
	d.fail(&StreamError{
		Kind: d.kind, Number: d.count + 1, Offset: d.base + int64(d.start), Reason: reason, Err: cause,
	})
}

// fail sets err, unless it is set.
func (d *Decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// satAdd returns a + b, or math.MaxInt if that overflows.
func satAdd(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}
