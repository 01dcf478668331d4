package bench

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/shmchan/shmchan/ipc"
)

// options are those of every end of a case.
func (a *actor) options(s spec) *ipc.Options {
	return &ipc.Options{Dir: a.dir, Capacity: s.Capacity, Spin: s.Spin, Wait: true}
}

// attach joins a channel that the other process makes meanwhile.
func (a *actor) attach(name string, s spec) (*ipc.Sender, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return ipc.NewSender(ctx, name, a.options(s))
}

// Messages in place are written and checked by pieces, from a pattern that stays in
// the first cache: as fast as a program can write and read memory at all, so that it
// is the channel that is measured.
const piece = 4 << 10

var pattern = newMessage(piece+8*patterns, 0)

// patterns is how many ways there are to fill a piece: odd, so that a message differs
// in every word from the one that stood there a lap before.
const patterns = 7

func patternOf(first uint64) []byte { return pattern[8*(first%patterns):] }

// fill writes every byte of a message. Each piece begins with what tells the message
// from those that stood there before.
func fill(msg []byte, first uint64) {
	pattern := patternOf(first)
	for len(msg) > 0 {
		n := min(len(msg), piece)
		binary.LittleEndian.PutUint64(msg, first)
		copy(msg[8:n], pattern[8:])
		msg = msg[n:]
	}
}

// whole checks every byte of what fill wrote.
func (c *checker) whole(msg []byte) error {
	if len(msg) != c.size {
		return c.wrong(msg)
	}
	first := binary.LittleEndian.Uint64(msg)
	pattern := patternOf(first)
	for rest := msg; len(rest) > 0; {
		n := min(len(rest), piece)
		if binary.LittleEndian.Uint64(rest) != first || !bytes.Equal(rest[8:n], pattern[8:n]) {
			return c.wrong(msg)
		}
		rest = rest[n:]
	}
	if !c.turn(first) {
		return c.wrong(msg)
	}
	return nil
}
