package main

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/frame"
	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// stdinPipe returns a pipe whose reads block, as those of stdin do.
func stdinPipe(t *testing.T) (from, to *os.File) {
	pollable, to, err := os.Pipe()
	require.NoError(t, err)
	fd, err := unix.Dup(int(pollable.Fd()))
	require.NoError(t, err)
	require.NoError(t, pollable.Close())
	require.NoError(t, unix.SetNonblock(fd, false))
	from = os.NewFile(uintptr(fd), "stdin")
	return from, to
}

// A send also ends while stdin is in the middle of a line.
func TestFeedThatWaitsForTheRestOfALine(t *testing.T) {
	for what, end := range map[string]func(cancel func(error), gone chan struct{}) error{
		"is cancelled":            func(cancel func(error), _ chan struct{}) error { cancel(nil); return context.Canceled },
		"loses the receiver":      func(_ func(error), gone chan struct{}) error { close(gone); return ipc.ErrDisconnected },
		"gets the end of a stdin": func(func(error), chan struct{}) error { return io.EOF },
	} {
		t.Run(what, func(t *testing.T) {
			from, to := stdinPipe(t)
			f := newFeed(from, frame.Line, 100)
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			gone := make(chan struct{})
			_, err := to.WriteString("one\ntwo\nthr")
			require.NoError(t, err)
			batch, err := f.next(ctx, gone)
			require.NoError(t, err)
			require.Equal(t, [][]byte{[]byte("one"), []byte("two")}, batch)
			ended := make(chan error, 1)
			go func() {
				batch, err := f.next(ctx, gone)
				if err == nil && string(batch[0]) != "thr" {
					err = errors.New("it is another message")
				}
				if err == nil {
					_, err = f.next(ctx, gone)
				}
				ended <- err
			}()
			proctest.Parked(t, "(*feed).next", 1)
			want := end(cancel, gone)
			if want == io.EOF {
				require.NoError(t, to.Close())
			}
			require.ErrorIs(t, <-ended, want)
			_ = to.Close() // ends the read that is in progress
			f.close()
			require.NoError(t, from.Close())
		})
	}
}
