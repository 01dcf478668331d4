package frame

import (
	"encoding/binary"
	"fmt"
	"math"
)

// lenFormat: length u32 big-endian | message bytes
var lenFormat = format{
	name: "len", unit: "frame",
	limit:  func(max int) int { return satAdd(max, lenHeader) },
	cut:    cutLen,
	finish: finishLen,
	append: appendLen,
}

const lenHeader = 4 // bytes of the length before a message

func appendLen(dst, msg []byte, _ *Origin) ([]byte, error) {
	if uint64(len(msg)) > math.MaxUint32 {
		return dst, &RefusedError{Kind: Len, Reason: fmt.Sprintf("has %d bytes", len(msg))}
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(msg)))
	return append(dst, msg...), nil
}

func cutLen(d *Decoder) {
	for from := d.start; ; {
		rest := d.buf[d.start:d.end]
		d.scanned = len(rest)
		if len(rest) < lenHeader {
			return
		}
		n := binary.BigEndian.Uint32(rest)
		if uint64(n) > uint64(d.max) {
			d.invalid(fmt.Sprintf("has %d bytes; the limit is %d", n, d.max), ErrTooLarge)
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

// finishLen fails if the stream ended in the middle of a message.
func finishLen(d *Decoder, rest []byte) {
	switch n := len(rest); {
	case n == 0:
	case n < lenHeader:
		d.invalid(fmt.Sprintf("is truncated: got %d bytes of its 4-byte length", n), nil)
	default:
		d.invalid(fmt.Sprintf("is truncated: got %d of its %d bytes", n-lenHeader, binary.BigEndian.Uint32(rest)), nil)
	}
}
