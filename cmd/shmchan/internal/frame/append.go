package frame

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
)

// Origin tells where a message came from; only JSON writes it.
type Origin struct {
	Name   string // of the channel, where there are several
	Seq    uint64 // number of the message among those received
	Sender int    // slot of its sender
	PID    int    // of its sender; 0 if unknown
}

// Append appends msg, framed, to dst. A message that the frame cannot carry
// gives a *RefusedError, and dst back as it was. It allocates only to grow dst.
// For JSON msg must stay as it is meanwhile; for the others it may change, and
// what dst then holds is still a frame.
func (k Kind) Append(dst, msg []byte, from Origin) ([]byte, error) {
	if k == JSON {
		return appendJSON(dst, msg, from), nil
	}
	return k.AppendBare(dst, msg)
}

// AppendBare is Append for the frames that do not tell the origin: all but JSON.
func (k Kind) AppendBare(dst, msg []byte) ([]byte, error) {
	switch k {
	case Line:
		return appendEnded(dst, msg, k, '\n', `\n`)
	case Nul:
		return appendEnded(dst, msg, k, 0, "NUL")
	case Len:
		if uint64(len(msg)) > math.MaxUint32 {
			return dst, &RefusedError{Kind: k, Reason: fmt.Sprintf("has %d bytes", len(msg))}
		}
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(msg)))
		return append(dst, msg...), nil
	case Raw:
		return append(dst, msg...), nil
	}
	return dst, &RefusedError{Kind: k, Reason: "has an unknown frame"}
}

// appendEnded appends msg and the byte that ends it, which it must not hold.
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

// shortEnded is the size up to which a message is copied and searched in one go: the
// calls of memmove and IndexByte would take longer than what they do.
const shortEnded = 32

// copyWithout copies msg and end to dst, and reports whether msg is without end. What
// it copies is what it has looked at, as msg may change meanwhile. Precondition: dst
// is longer than msg.
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
