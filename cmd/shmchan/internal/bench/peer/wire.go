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

// Wire carries whole messages between two processes, there and back.
type Wire interface {
	// Send sends a frame of NewFrame.
	Send(frame []byte) error
	// Recv returns the next message, which is valid until the next call. It returns
	// io.EOF if the other side will send no more.
	Recv() ([]byte, error)
	// Over tells the other side that this one will send no more.
	Over() error
	// Enough makes the other side's send fail: this one will receive no more.
	Enough() error
	Close() error
}

// The peers, by Spec.Via.
const (
	Pipe      = "pipe"
	Unix      = "unix"
	Seqpacket = "seqpacket"
	MQ        = "mq"
)

// OpenWire opens this process's side of a peer in a directory. A message queue cannot
// tell a sender that its receiver has closed: quit is a shared word that does.
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

// NewFrame returns a message of sender who behind its length, so that one write sends
// both; msg is the message in it.
func NewFrame(size, who int) (frame, msg []byte) {
	frame = append(make([]byte, lengthBytes), measure.NewMessage(size, who)...)
	binary.LittleEndian.PutUint32(frame, uint32(size))
	return frame, frame[lengthBytes:]
}

// IgnoreClosed returns err unless it is about a file or a connection that is closed.
func IgnoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// IgnoreEOF returns err unless it is io.EOF.
func IgnoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// gone reports whether a write failed because the other side has closed.
func gone(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF)
}
