// Package peer measures what a program could use in place of a channel: FIFOs, UNIX
// sockets and POSIX message queues.
package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// Wire is what a peer of the channel gives a process: whole messages there and
// back.
type Wire interface {
	// Send sends what newFrame made.
	Send(frame []byte) error
	// Recv returns the next message, which is valid until the next call; io.EOF
	// when the other side will send no more.
	Recv() ([]byte, error)
	// Over says that this side will send no more.
	Over() error
	// Enough makes the other side's send fail: this one will receive no more.
	Enough() error
	Close() error
}

// What spec.Via says: what a peer sends through.
const (
	Pipe      = "pipe"
	Unix      = "unix"
	Seqpacket = "seqpacket"
	MQ        = "mq"
)

func OpenWire(dir string, quit *atomic.Uint64, s worker.Step) (Wire, error) {
	switch s.Spec.Via {
	case Pipe:
		return openPipe(dir, s)
	case Unix, Seqpacket:
		return openSocket(dir, s)
	case MQ:
		return openMq(dir, quit, s)
	}
	return nil, fmt.Errorf("no peer %q", s.Spec.Via)
}

// lengthBytes go before each message in a stream.
const lengthBytes = 4

// NewFrame is a message with its length before it, so that one write sends both.
func NewFrame(size, who int) (frame, msg []byte) {
	frame = append(make([]byte, lengthBytes), measure.NewMessage(size, who)...)
	binary.LittleEndian.PutUint32(frame, uint32(size))
	return frame, frame[lengthBytes:]
}

func IgnoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func IgnoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// gone tells whether a write failed because the other side has closed.
func gone(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF)
}
