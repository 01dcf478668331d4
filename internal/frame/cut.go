package frame

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

const lenHeader = 4 // bytes of length before a len message

// cutEnded cuts at every end byte. A byte is searched once, however many reads
// its message takes.
func (d *Decoder) cutEnded(end byte, emit func([]byte)) {
	for {
		i := bytes.IndexByte(d.buf[d.start+d.scanned:d.end], end)
		if i < 0 {
			d.scanned = d.end - d.start
			return
		}
		n := d.scanned + i
		emit(d.buf[d.start : d.start+n])
		if d.err != nil {
			return
		}
		d.start += n + 1
		d.scanned = 0
	}
}

// cutLen cuts by the lengths.
func (d *Decoder) cutLen() {
	for {
		rest := d.buf[d.start:d.end]
		d.scanned = len(rest)
		if len(rest) < lenHeader {
			return
		}
		n := binary.BigEndian.Uint32(rest)
		if uint64(n) > uint64(d.max) {
			d.broken(fmt.Sprintf("has %d bytes; the largest message is %d", n, d.max), ErrTooLarge)
			return
		}
		if uint64(len(rest)-lenHeader) < uint64(n) {
			return
		}
		d.emit(rest[lenHeader : lenHeader+int(n)])
		d.start += lenHeader + int(n)
	}
}

// cutOff fails for a len message whose stream ended in the middle of it.
func (d *Decoder) cutOff(rest []byte) {
	if len(rest) < lenHeader {
		d.broken(fmt.Sprintf("is cut off: %d bytes of its 4-byte length are there", len(rest)), nil)
		return
	}
	d.broken(fmt.Sprintf("is cut off: %d of its %d bytes are there",
		len(rest)-lenHeader, binary.BigEndian.Uint32(rest)), nil)
}
