package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/frame"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/nowait"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/ipc"
)

// stream sends the messages of stdin in batches. It sends what was read before it waits
// for more.
func (v *send) stream(ctx context.Context, s *ipc.Sender, kind frame.Kind) error {
	f := newFeed(v.stdin, kind, s.MaxMessage())
	defer f.close()
	for {
		batch, err := f.next(ctx, s.Done())
		waiting := "while waiting for stdin"
		if err == nil {
			err = v.batch(ctx, s, batch)
			waiting = "while waiting for room"
		}
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, frame.ErrFrame):
			return because(err, "stdin: %v; %s", err, v.did())
		case err != nil:
			return v.explain(err, waiting, v.did())
		}
	}
}

func (v *send) did() string { return text.Plural(v.sent, "message") + " sent" }

// feed reads stdin. It reads directly while that does not block, and otherwise in a
// goroutine, so that other events interrupt the wait. The goroutine reads only when asked,
// so a batch is valid until the next call.
type feed struct {
	d   *frame.Decoder
	now *nowait.Reader
	ask chan struct{}
	got chan fed
}

type fed struct {
	batch [][]byte
	err   error
}

func newFeed(stdin io.Reader, kind frame.Kind, most int) *feed {
	d := frame.NewDecoder(stdin, kind, most)
	f := &feed{d: d, now: nowait.New(stdin), ask: make(chan struct{}), got: make(chan fed, 1)}
	go func() {
		for range f.ask {
			batch, err := d.Next()
			f.got <- fed{batch, err}
		}
	}()
	return f
}

// next returns complete messages. If the receiver goes away first, it returns
// ErrDisconnected, and if ctx ends first, the error of ctx; after that, only close may be
// called.
func (f *feed) next(ctx context.Context, gone <-chan struct{}) ([][]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for {
		if batch, err := f.d.Have(); len(batch) > 0 || err != nil {
			return f.given(batch, err)
		}
		if !f.d.Read(f.now.Read) {
			break
		}
		if err := ctx.Err(); err != nil { // a message may take many reads
			return nil, err
		}
	}
	f.ask <- struct{}{}
	select {
	case r := <-f.got:
		return f.given(r.batch, r.err)
	case <-gone:
		return nil, ipc.ErrDisconnected
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// given adds the name of stdin to the error of a read.
func (f *feed) given(batch [][]byte, err error) ([][]byte, error) {
	if err != nil && err != io.EOF && !errors.Is(err, frame.ErrFrame) {
		err = fmt.Errorf("stdin: %w", err)
	}
	return batch, err
}

// close ends the goroutine once its current read returns.
func (f *feed) close() { close(f.ask) }
