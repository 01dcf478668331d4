// Package frame divides a stream of bytes into messages, and joins messages into a
// stream. Each frame is a file and a row of the table frames:
//
//	line  message bytes | \n              (the last \n may be missing)
//	nul   message bytes | NUL             (the last NUL may be missing)
//	len   length u32 big-endian | message bytes
//	raw   message bytes                   (the whole stream is one message)
//	json  {"seq":1,"sender":0,"pid":42,"data":"text"} | \n
//	      {"seq":2,"sender":0,"pid":42,"data_b64":"/w=="} | \n
//
// A [Decoder] reproduces the messages that [Kind.Append] wrote in the same frame.
// Append refuses a message that its frame cannot carry. Only raw does not separate
// messages, so a Decoder returns several of them as one.
package frame

import (
	"fmt"
	"strings"
)

// Kind is a frame. The zero Kind is Line.
type Kind uint8

const (
	Line Kind = iota // ended by \n
	Nul              // ended by NUL
	Len              // preceded by a 4-byte big-endian length
	Raw              // the whole stream
	JSON             // an object on a line
)

// frames is the table of all frames.
var frames = [...]format{Line: lineFormat, Nul: nulFormat, Len: lenFormat, Raw: rawFormat, JSON: jsonFormat}

// format is what one frame does.
type format struct {
	name   string
	unit   string // what an error calls a message and its framing
	origin bool   // append writes the origin, and reads the message more than once

	// limit returns the size of the largest message with its framing, given the largest
	// message.
	limit func(max int) int
	// cut emits the messages of a Decoder's buffer that are complete.
	cut func(*Decoder)
	// finish emits what remains of the stream at its end, or fails.
	finish func(d *Decoder, rest []byte)
	// append is Kind.Append.
	append func(dst, msg []byte, from *Origin) ([]byte, error)
}

// Names returns the names that Parse accepts.
func Names() []string {
	names := make([]string, len(frames))
	for k := range frames {
		names[k] = frames[k].name
	}
	return names
}

// Parse returns the frame of that name.
func Parse(name string) (Kind, error) {
	for k := range frames {
		if frames[k].name == name {
			return Kind(k), nil
		}
	}
	names := Names()
	last := len(names) - 1
	return 0, fmt.Errorf("unknown frame %q: want %s or %s", name, strings.Join(names[:last], ", "), names[last])
}

// String returns the name of the frame.
func (k Kind) String() string {
	if int(k) < len(frames) {
		return frames[k].name
	}
	return fmt.Sprintf("frame(%d)", uint8(k))
}

// Origin tells where a message came from.
type Origin struct {
	Name   string // of the channel; "" if there is only one
	Seq    uint64 // number of the message among those received
	Sender int    // slot of its sender
	PID    int    // of its sender; 0 if unknown
}

// NeedsOrigin reports whether Append writes the origin of a message. Append then reads
// the message more than once, so the message must not change meanwhile.
func (k Kind) NeedsOrigin() bool { return frames[k].origin }

// Append appends msg with its framing to dst. If the frame cannot carry msg, Append
// returns dst unchanged and a *RefusedError. It allocates only to grow dst.
//
// Unless NeedsOrigin reports true, from may be nil, and msg may change during the call:
// what Append adds to dst is valid in the frame even then.
func (k Kind) Append(dst, msg []byte, from *Origin) ([]byte, error) {
	return frames[k].append(dst, msg, from)
}

// messageLimit is the limit of a frame whose framing does not count.
func messageLimit(max int) int { return max }
