package frame

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
)

const lenHeader = 4 // bytes of length before a len message

// cutEnded cuts at every end byte. A byte is searched once, however many reads
// its message takes.
func (d *Decoder) cutEnded(end byte) {
	buf, from := d.buf[:d.end], d.start
	for at := d.start + d.scanned; ; at = d.start {
		i := indexFrom(buf, at, end)
		if i < 0 {
			d.scanned = d.end - d.start
			return
		}
		msg := buf[d.start:i:i]
		if d.kind == JSON {
			d.emitJSON(msg)
		} else {
			d.emit(msg)
		}
		if d.err != nil {
			return
		}
		d.start, d.scanned = i+1, 0
		if d.enough(from) {
			return
		}
	}
}

// enough sets more if Next has what it returns, of which the first message, with its
// framing, began at from.
func (d *Decoder) enough(from int) bool {
	d.more = len(d.msgs) >= mostMessages || d.start-from >= mostBytes
	return d.more
}

// indexFrom returns the index of the first c in buf at or behind at, or -1. Where that
// is near, it takes less time than the call of bytes.IndexByte alone.
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

// cutLen cuts by the lengths.
func (d *Decoder) cutLen() {
	for from := d.start; ; {
		rest := d.buf[d.start:d.end]
		d.scanned = len(rest)
		if len(rest) < lenHeader {
			return
		}
		n := binary.BigEndian.Uint32(rest)
		if uint64(n) > uint64(d.max) {
			d.broken(fmt.Sprintf("has %d bytes; the limit is %d", n, d.max), ErrTooLarge)
			return
		}
		if uint64(len(rest)-lenHeader) < uint64(n) {
			return
		}
		d.emit(rest[lenHeader : lenHeader+int(n)])
		d.start += lenHeader + int(n)
		if d.enough(from) {
			return
		}
	}
}

// cutOff fails for a len message whose stream ended in the middle of it.
func (d *Decoder) cutOff(rest []byte) {
	if len(rest) < lenHeader {
		d.broken(fmt.Sprintf("is truncated: got %d bytes of its 4-byte length", len(rest)), nil)
		return
	}
	d.broken(fmt.Sprintf("is truncated: got %d of its %d bytes",
		len(rest)-lenHeader, binary.BigEndian.Uint32(rest)), nil)
}
