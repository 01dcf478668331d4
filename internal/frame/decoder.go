package frame

import (
	"errors"
	"fmt"
	"io"
	"math"
)

const (
	bufferSize = 256 << 10 // read buffer, until a message needs more
	maxStalls  = 100       // reads of nothing in a row, after which the reader is broken
)

// Decoder cuts a stream into messages. It serves one goroutine at a time.
//
// Its buffer holds one incomplete message at most:
//
//	buf[:start]    messages that the last Next returned
//	buf[start:end] the incomplete one, of which scanned bytes hold no end
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
	base    int64 // offset of buf[0] in the stream
	count   int64 // messages cut so far

	msgs   [][]byte
	arena  []byte // what json's data_b64 decodes to
	stalls int
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

// Next reads once, or more often while no message is complete, and returns all
// the messages that are then complete, in order: what was read is never held
// back. The slices alias the buffer and are valid until the next call. At the
// end of the stream it returns io.EOF. A message that cannot be cut gives a
// *StreamError, after those before it were returned; a failed read gives the
// reader's error. Every error stays.
func (d *Decoder) Next() ([][]byte, error) {
	d.msgs, d.arena = d.msgs[:0], d.arena[:0]
	for len(d.msgs) == 0 {
		if d.err != nil {
			return nil, d.err
		}
		d.makeRoom()
		n, err := d.r.Read(d.buf[d.end:])
		if n < 0 || n > len(d.buf)-d.end {
			return nil, d.fail(errors.New("frame: the reader returned an impossible count"))
		}
		d.end += n
		if n > 0 {
			d.stalls = 0
			d.cut()
		} else if err == nil {
			if d.stalls++; d.stalls >= maxStalls {
				err = io.ErrNoProgress
			}
		}
		if err != nil && d.err == nil {
			if err == io.EOF {
				d.finish()
			}
			if d.err == nil {
				d.err = err
			}
		}
	}
	return d.msgs, nil
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

// cut appends to msgs every message that is complete, and sets err at the
// first that never will be.
func (d *Decoder) cut() {
	switch d.kind {
	case Line:
		d.cutEnded('\n', d.emit)
	case Nul:
		d.cutEnded(0, d.emit)
	case Len:
		d.cutLen()
	case Raw:
		d.scanned = d.end - d.start
	case JSON:
		d.cutEnded('\n', d.emitJSON)
	}
	if d.err == nil && d.scanned > d.limit {
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
	d.broken(fmt.Sprintf("%s; the largest message is %d", reason, d.max), ErrTooLarge)
}

// broken fails at the message that begins at start.
func (d *Decoder) broken(reason string, cause error) {
	d.fail(&StreamError{
		Kind: d.kind, Number: d.count + 1, Offset: d.base + int64(d.start), Reason: reason, Err: cause,
	})
}

func (d *Decoder) fail(err error) error {
	d.err = err
	return err
}

// satAdd adds without overflowing.
func satAdd(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}
