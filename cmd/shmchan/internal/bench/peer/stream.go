package peer

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"
)

// stream carries messages over a stream of bytes: one write a message, and buffered
// reads. Buffered writes would promise less: when Send returns, the message is on its
// way.
type stream struct {
	w    io.WriteCloser
	r    *bufio.Reader
	from io.Closer
	end  func() error
	msg  []byte
}

func newStream(r io.ReadCloser, w io.WriteCloser, end func() error, size int) *stream {
	return &stream{w, bufio.NewReaderSize(r, 64<<10), r, end, make([]byte, size)}
}

func (s *stream) Send(frame []byte) error {
	_, err := s.w.Write(frame)
	return err
}

func (s *stream) Recv() ([]byte, error) {
	head, err := s.r.Peek(lengthBytes)
	if err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(head)
	if int(n) > len(s.msg) {
		return nil, errors.New("a length is damaged")
	}
	if _, err := s.r.Discard(lengthBytes); err != nil {
		return nil, err
	}
	_, err = io.ReadFull(s.r, s.msg[:n])
	return s.msg[:n], err
}

func (s *stream) Over() error   { return s.end() }
func (s *stream) Enough() error { return s.Close() }

func (s *stream) Close() error {
	return errors.Join(IgnoreClosed(s.w.Close()), IgnoreClosed(s.from.Close()))
}

// packet carries messages over a socket that keeps them apart.
type packet struct {
	conn *os.File
	msg  []byte
}

func (p *packet) Send(frame []byte) error {
	_, err := p.conn.Write(frame[lengthBytes:])
	return err
}

func (p *packet) Recv() ([]byte, error) {
	n, err := p.conn.Read(p.msg)
	return p.msg[:max(n, 0)], err
}

func (p *packet) Over() error   { return closeWrite(p.conn) }
func (p *packet) Enough() error { return p.Close() }
func (p *packet) Close() error  { return IgnoreClosed(p.conn.Close()) }
