package frame

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Frames whose messages end with one byte share the functions of this file.

// cutEnded cuts at every end byte, and calls emit with what is before it. It searches
// each byte once, however many reads a message takes.
func (d *Decoder) cutEnded(end byte, emit func(*Decoder, []byte)) {
	buf, from := d.buf[:d.end], d.start
	for at := d.start + d.scanned; ; at = d.start {
		i := indexFrom(buf, at, end)
		if i < 0 {
			d.scanned = d.end - d.start
			return
		}
		emit(d, buf[d.start:i:i])
		if d.err != nil {
			return
		}
		d.start, d.scanned = i+1, 0
		if d.enough(from) {
			return
		}
	}
}

// finishEnded emits the last message if its end byte is missing.
func finishEnded(d *Decoder, rest []byte) {
	if len(rest) > 0 {
		d.emit(rest)
	}
}

// indexFrom returns the index of the first c in buf[at:], counted from the start of buf,
// or -1. If c is near, it takes less time than the call of bytes.IndexByte alone.
func indexFrom(buf []byte, at int, c byte) int {
	pattern := uint64(c) * ones
	for range 3 {
		if len(buf)-at < 8 {
			break
		}
		if found := zeroBytes(binary.LittleEndian.Uint64(buf[at:]) ^ pattern); found != 0 {
			return at + bits.TrailingZeros64(found)/8
		}
		at += 8
	}
	if i := bytes.IndexByte(buf[at:], c); i >= 0 {
		return at + i
	}
	return -1
}

// appendEnded appends msg and the end byte, which msg must not contain; an error calls
// that byte name.
func appendEnded(dst, msg []byte, k Kind, end byte, name string) ([]byte, error) {
	n := len(dst)
	if len(msg) <= shortEnded && cap(dst)-n > shortEnded && copyWithout(dst[n:cap(dst)], msg, end) {
		return dst[:n+len(msg)+1], nil
	}
	dst = append(dst, msg...)
	if i := bytes.IndexByte(dst[n:], end); i >= 0 {
		return dst[:n], &RefusedError{Kind: k, Reason: fmt.Sprintf("contains a %s (byte %d of %d)", name, i+1, len(msg))}
	}
	return append(dst, end), nil
}

// shortEnded is the size up to which a message is copied and searched in one pass: the
// calls of memmove and IndexByte would take longer than their work.
const shortEnded = 32

// copyWithout copies msg and end to dst, and reports whether msg does not contain end.
// It searches the bytes that it copied, as msg may change meanwhile. Precondition: dst is
// longer than msg.
func copyWithout(dst, msg []byte, end byte) bool {
	n := len(msg)
	dst = dst[:n+1]
	dst[n] = end
	if n < 8 {
		for i, c := range msg {
			if c == end {
				return false
			}
			dst[i] = c
		}
		return true
	}
	pattern := uint64(end) * ones
	last := binary.LittleEndian.Uint64(msg[n-8:])
	found := zeroBytes(last ^ pattern)
	for i := 0; i < n-8; i += 8 {
		w := binary.LittleEndian.Uint64(msg[i:])
		found |= zeroBytes(w ^ pattern)
		binary.LittleEndian.PutUint64(dst[i:], w)
	}
	binary.LittleEndian.PutUint64(dst[n-8:], last)
	return found == 0
}
