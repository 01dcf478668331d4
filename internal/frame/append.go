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
	case JSON:
		return appendJSON(dst, msg, from), nil
	}
	return dst, &RefusedError{Kind: k, Reason: "was given a frame that does not exist"}
}

// appendEnded appends msg and the byte that ends it, which it must not hold.
func appendEnded(dst, msg []byte, k Kind, end byte, name string) ([]byte, error) {
	n := len(dst)
	dst = append(dst, msg...)
	if i := bytes.IndexByte(dst[n:], end); i >= 0 {
		return dst[:n], &RefusedError{Kind: k, Reason: fmt.Sprintf("holds a %s (its byte %d of %d)", name, i+1, len(msg))}
	}
	return append(dst, end), nil
}
